package dev.lockstep.worker.step;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.plan.Chunks;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.work.TrainingSpec;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * EfficientNet-B3 against torchvision's under torch.nn.DataParallel's semantics: two steps from given weights and data, every
 * gradient after the first, every parameter and running statistic after the second. The expected digests are of float64 runs;
 * torch's own float32 is within 0.0021 of them. In channels-last libtorch sums the gradient of a batch norm's bias less exactly;
 * where that sum nearly cancels, it is up to 0.008 off.
 */
class ConformanceTest {
    private static final long SEED = 7;
    private static final int IMAGE_SIZE = 96;
    private static final int CLASSES = 35;

    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "one-device.json, 1, 8, CHANNELS_LAST, 0.01",
        "one-device.json, 1, 8, CONTIGUOUS, 0.003",
        "two-devices.json, 2, 8, CONTIGUOUS, 0.003",
        "four-devices-uneven.json, 4, 10, CHANNELS_LAST, 0.01",
        "four-devices-three-chunks.json, 4, 5, CHANNELS_LAST, 0.01"
    })
    void shouldEqualTorch(String resource, int ranks, int batch, MemoryFormat format, double tolerance)
            throws Exception {
        Map<String, Double> errors = new TensorDigests(resource).errors(train(ranks, batch, format));

        Map.Entry<String, Double> worst =
                errors.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow();
        List<String> beyond = errors.entrySet().stream()
                .filter(entry -> !(entry.getValue() <= tolerance))
                .sorted(Map.Entry.<String, Double>comparingByValue(Comparator.reverseOrder()))
                .map(Map.Entry::toString)
                .toList();
        assertTrue(
                beyond.isEmpty(),
                () -> beyond.size() + " of " + errors.size() + " tensors differ, first "
                        + beyond.subList(0, Math.min(5, beyond.size())));
        assertTrue(worst.getValue() > 0, "float32 cannot equal float64 in everything");
    }

    private static Map<String, float[]> train(int ranks, int batch, MemoryFormat format) throws Exception {
        TrainingSpec training = new TrainingSpec(
                new ModelSpec("efficientnet_b3", CLASSES, IMAGE_SIZE, 0.0, 0.0),
                Precision.FP32,
                new OptimizerSpec(OptimizerKind.SGD, 0.01, 0.9, 1e-4),
                format,
                0);
        Map<String, float[]> out = new HashMap<>();
        try (ReplicaGroup group = new ReplicaGroup(training, ranks, batch, Duration.ofMinutes(1))) {
            group.fill(
                    0,
                    ConformanceValues.images(SEED, batch, IMAGE_SIZE),
                    ConformanceValues.labels(SEED, batch, CLASSES));
            Replica first = group.on(0, engine -> engine.replica());
            for (FlatTensor flat : List.of(first.parameters(), first.buffers())) {
                flat.layout()
                        .places()
                        .forEach((name, place) -> first.write(
                                name,
                                ConformanceValues.weight(
                                        SEED, name, place.shape().getShape())));
            }
            List<Integer> chunks = Chunks.of(batch, ranks);
            float[] losses = new float[2];
            losses[0] = group.step(chunks).get(0).loss().floatValue();
            out.put("logits", new float[batch * CLASSES]);
            group.segment().logits(0, batch).asFloatBuffer().get(out.get("logits"));
            read("grad/", first.gradients(), out);
            losses[1] = group.step(chunks).get(0).loss().floatValue();
            out.put("loss", losses);
            read("param/", first.parameters(), out);
            read("buffer/", first.buffers(), out);
            assertEquals(
                    group.on(0, DjlTrainingEngine::summarise).parameterChecksum(),
                    group.on(ranks - 1, DjlTrainingEngine::summarise).parameterChecksum());
        }
        return out;
    }

    private static void read(String prefix, FlatTensor flat, Map<String, float[]> out) {
        flat.layout().places().keySet().forEach(name -> out.put(prefix + name, flat.read(name)));
    }
}

package dev.lockstep.worker.step;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.plan.Chunks;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.tensor.NamedTensor;
import dev.lockstep.common.tensor.Safetensors;
import dev.lockstep.common.tensor.SafetensorsWriter;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.worker.model.EfficientNet;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
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
    private static final int STEPS = 2;

    @TempDir
    Path folder;

    /**
     * In channels-last libtorch's batch norm adds up a channel's values in float32, one by one, which shows in a bias gradient whose terms
     * nearly cancel.
     */
    @ParameterizedTest(name = "{0} {3} {4}")
    @CsvSource({
        "one-device.json, 1, 8, DATA_PARALLEL, CHANNELS_LAST, 0.02",
        "one-device.json, 1, 8, DATA_PARALLEL, CONTIGUOUS, 0.003",
        "two-devices.json, 2, 8, DATA_PARALLEL, CONTIGUOUS, 0.003",
        "four-devices-uneven.json, 4, 10, DATA_PARALLEL, CHANNELS_LAST, 0.01",
        "four-devices-three-chunks.json, 4, 5, DATA_PARALLEL, CHANNELS_LAST, 0.01",
        "two-devices.json, 2, 8, ALL_REDUCE, CONTIGUOUS, 0.003",
        "four-devices-uneven.json, 4, 10, ALL_REDUCE, CONTIGUOUS, 0.003",
        "four-devices-three-chunks.json, 4, 5, ALL_REDUCE, CONTIGUOUS, 0.003"
    })
    void shouldEqualTorch(
            String resource, int ranks, int batch, Strategy strategy, MemoryFormat format, double tolerance)
            throws Exception {
        Map<String, Double> errors = new TensorDigests(resource).errors(trace(ranks, batch, strategy, format));

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

    private Map<String, float[]> trace(int ranks, int batch, Strategy strategy, MemoryFormat format) throws Exception {
        TrainingSpec training = new TrainingSpec(
                new ModelSpec("efficientnet_b3", CLASSES, IMAGE_SIZE, 0.0, 0.0),
                Precision.FP32,
                new OptimizerSpec(OptimizerKind.SGD, 0.01, 0.9, 1e-4),
                format,
                0);
        Path weights = folder.resolve("weights.safetensors");
        Path trace = folder.resolve("trace.safetensors");
        writeWeights(training.model(), weights);
        StateFiles files = new StateFiles(weights.toString(), null, trace.toString());
        try (ReplicaGroup group = new ReplicaGroup(training, strategy, files, ranks, batch, Duration.ofMinutes(1))) {
            group.fill(
                    0,
                    ConformanceValues.images(SEED, batch, IMAGE_SIZE),
                    ConformanceValues.labels(SEED, batch, CLASSES));
            for (int step = 0; step < STEPS; step++) {
                group.step(Chunks.of(batch, ranks));
            }
            List<String> checksums = group.onAll(DjlTrainingEngine::summarise).stream()
                    .map(ReplicaSummary::parameterChecksum)
                    .distinct()
                    .toList();
            assertEquals(1, checksums.size(), checksums.toString());
        }
        Map<String, float[]> out = new HashMap<>();
        try (Safetensors tensors = Safetensors.read(trace)) {
            tensors.names().forEach(name -> out.put(name, tensors.floats(name)));
        }
        return out;
    }

    private static void writeWeights(ModelSpec spec, Path file) {
        EfficientNet model = EfficientNet.create(spec);
        List<NamedTensor> tensors = new ArrayList<>();
        Stream.concat(model.trainable().stream(), model.runningStatistics().stream())
                .forEach(parameter -> {
                    long[] shape = parameter.getShape().getShape();
                    float[] values = ConformanceValues.weight(SEED, parameter.getName(), shape);
                    tensors.add(NamedTensor.floats(parameter.getName(), values, shape));
                });
        SafetensorsWriter.write(file, tensors, Map.of());
    }
}

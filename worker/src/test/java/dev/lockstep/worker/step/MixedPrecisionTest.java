package dev.lockstep.worker.step;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Parameter;
import dev.lockstep.common.plan.Chunks;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.work.AmpSummary;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.common.work.TrainingSpec;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Steps in mixed precision: how near they come to float64, and what the loss's scaling does. */
class MixedPrecisionTest {
    @TempDir
    Path folder;

    private static final Duration PATIENCE = Duration.ofMinutes(1);
    private static final long SEED = 7;
    private static final int IMAGE_SIZE = 96;
    private static final int CLASSES = 35;

    /**
     * EfficientNet-B3's gradients against float64. The last column is the cosine of torch's own CPU autocast to bfloat16 (PyTorch
     * 1.13), estimated from the same samples; float32 has 1.0000.
     */
    @ParameterizedTest(name = "{0} in {3}")
    @CsvSource({
        "one-device.json, 1, 8, AMP, 0.888",
        "two-devices.json, 2, 8, AMP_BF16, 0.906",
        "four-devices-uneven.json, 4, 10, AMP_BF16, 0.869"
    })
    void shouldComeAsNearToTheGradientsAsTorchsAutocast(
            String resource, int ranks, int batch, Precision precision, double torch) throws Exception {
        double cosine = new TensorDigests(resource).cosine("grad/", gradients(ranks, batch, precision));

        assertTrue(cosine > torch - 0.05, "the cosine is " + cosine + ", torch's " + torch);
        assertTrue(cosine < 0.99, "the cosine is " + cosine + ", as if in float32");
    }

    @Test
    void shouldComeNearerInFloat16() throws Exception {
        double cosine = new TensorDigests("two-devices.json").cosine("grad/", gradients(2, 8, Precision.AMP_FP16));

        assertTrue(cosine > 0.99 && cosine < 0.99999, "the cosine is " + cosine);
    }

    /** Of the first step, reduced and unscaled. */
    private static Map<String, float[]> gradients(int ranks, int batch, Precision precision) throws Exception {
        TrainingSpec training = new TrainingSpec(
                new ModelSpec("efficientnet_b3", CLASSES, IMAGE_SIZE, 0.0, 0.0),
                precision,
                TinyTraining.SGD,
                MemoryFormat.CHANNELS_LAST,
                0);
        Map<String, float[]> gradients = new HashMap<>();
        try (ReplicaGroup group = new ReplicaGroup(training, ranks, batch, PATIENCE)) {
            group.fill(
                    0,
                    ConformanceValues.images(SEED, batch, IMAGE_SIZE),
                    ConformanceValues.labels(SEED, batch, CLASSES));
            Replica first = group.on(0, DjlTrainingEngine::replica);
            for (FlatTensor flat : List.of(first.parameters(), first.buffers())) {
                flat.layout()
                        .places()
                        .forEach((name, place) -> first.write(
                                name,
                                ConformanceValues.weight(
                                        SEED, name, place.shape().getShape())));
            }
            group.step(Chunks.of(batch, ranks));
            if (precision == Precision.AMP_FP16) {
                stepUntilFinite(group, Chunks.of(batch, ranks));
            }
            FlatTensor flat = first.gradients();
            flat.layout().places().keySet().forEach(name -> gradients.put("grad/" + name, flat.read(name)));
        }
        return gradients;
    }

    /** The first scale may be too large for a model; skipped steps leave its parameters as they were. */
    private static void stepUntilFinite(ReplicaGroup group, List<Integer> chunks) {
        int steps = 1;
        while (group.on(0, DjlTrainingEngine::summarise).amp().skippedSteps() == steps) {
            assertTrue(steps < 10, "no scale fits");
            group.step(chunks);
            steps++;
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Precision.class,
            names = {"AMP", "AMP_BF16", "AMP_FP16"})
    void shouldKeepParametersAndGradientsInFloat32(Precision precision) throws Exception {
        try (ReplicaGroup group = filled(precision, 2, 4)) {
            group.step(List.of(2, 2));

            for (Parameter parameter :
                    group.on(1, DjlTrainingEngine::replica).model().trainable()) {
                assertEquals(DataType.FLOAT32, parameter.getArray().getDataType(), parameter.getName());
                group.on(1, engine -> {
                    try (var gradient = parameter.getArray().getGradient()) {
                        assertEquals(DataType.FLOAT32, gradient.getDataType(), parameter.getName());
                    }
                    return null;
                });
            }
        }
    }

    @Test
    void shouldReportWhatItCastTo() throws Exception {
        assertNull(summary(Precision.FP32).amp());
        assertNull(summary(Precision.FP32_STRICT).amp());
        assertFalse(summary(Precision.FP32).tf32());
        assertEquals(new AmpSummary("bfloat16", null, 0), summary(Precision.AMP).amp());
        assertEquals(
                new AmpSummary("bfloat16", null, 0), summary(Precision.AMP_BF16).amp());
        assertEquals(
                new AmpSummary("float16", 65536.0, 0),
                summary(Precision.AMP_FP16).amp());
    }

    private static ReplicaSummary summary(Precision precision) throws Exception {
        try (ReplicaGroup group = filled(precision, 1, 4)) {
            group.step(List.of(4));
            return group.on(0, DjlTrainingEngine::summarise);
        }
    }

    @Test
    void shouldComputeTheSameInFp32Strict() throws Exception {
        assertEquals(
                summary(Precision.FP32).parameterChecksum(),
                summary(Precision.FP32_STRICT).parameterChecksum());
    }

    /** A learning rate times 65536 would end in nan; a scale left out of the optimizer's way changes nothing but rounding. */
    @Test
    void shouldStepByUnscaledGradients() throws Exception {
        float[] full = parametersAfterTwoSteps(Precision.FP32);
        float[] half = parametersAfterTwoSteps(Precision.AMP_FP16);

        double difference = 0;
        for (int i = 0; i < full.length; i++) {
            difference = Math.max(difference, Math.abs(full[i] - half[i]));
        }
        assertTrue(difference < 0.02 && difference > 0, "parameters differ by " + difference);
    }

    private static float[] parametersAfterTwoSteps(Precision precision) throws Exception {
        try (ReplicaGroup group = filled(precision, 2, 6)) {
            group.step(List.of(3, 3));
            group.step(List.of(3, 3));
            return parameters(group);
        }
    }

    @ParameterizedTest(name = "overflow on rank {0} of {1}, {2}")
    @CsvSource({
        "0, 1, DATA_PARALLEL", "0, 3, DATA_PARALLEL", "1, 3, DATA_PARALLEL", "2, 3, DATA_PARALLEL",
        "0, 1, ALL_REDUCE", "0, 3, ALL_REDUCE", "1, 3, ALL_REDUCE", "2, 3, ALL_REDUCE"
    })
    void shouldSkipTheStepOnAllWhenOneOverflows(int rank, int ranks, Strategy strategy) throws Exception {
        int batch = 2 * ranks;
        List<Integer> chunks = Chunks.of(batch, ranks);
        float[] good = TinyTraining.images(batch);
        float[] bad = good.clone();
        bad[2 * rank * (good.length / batch)] = Float.POSITIVE_INFINITY;
        try (ReplicaGroup group = filled(Precision.AMP_FP16, strategy, StateFiles.NONE, ranks, batch)) {
            Replica first = group.on(0, DjlTrainingEngine::replica);
            float[] statistics = first.buffers().array().toFloatArray();
            group.step(chunks);
            float[] before = parameters(group);
            group.fill(0, bad, TinyTraining.labels(batch));

            List<StepReport> reports = group.step(chunks);

            assertEquals(1, reports.get(0).step());
            assertEquals(List.of(toList(before)), List.of(toList(parameters(group))));
            for (ReplicaSummary summary : group.onAll(DjlTrainingEngine::summarise)) {
                assertEquals(new AmpSummary("float16", 32768.0, 1), summary.amp());
            }

            // The optimizer's state is untouched too: what follows is what would have followed without the bad step,
            // but for the
            // running statistics, which training does not read.
            group.fill(0, good, TinyTraining.labels(batch));
            first.buffers().bytes().asFloatBuffer().put(statistics);
            group.step(chunks);
            float[] after = parameters(group);
            float[] expected = withoutOverflow(ranks, batch, chunks);
            for (int i = 0; i < expected.length; i++) {
                assertEquals(expected[i], after[i], 1e-3 + 1e-2 * Math.abs(expected[i]));
            }
            assertEquals(
                    new AmpSummary("float16", 32768.0, 1),
                    group.on(0, DjlTrainingEngine::summarise).amp());
        }
    }

    private static float[] withoutOverflow(int ranks, int batch, List<Integer> chunks) throws Exception {
        try (ReplicaGroup group = filled(Precision.AMP_FP16, ranks, batch)) {
            group.step(chunks);
            group.step(chunks);
            return parameters(group);
        }
    }

    @Test
    void shouldContinueACheckpointsScale() throws Exception {
        Path checkpoint = folder.resolve("checkpoint.safetensors");
        float[] bad = TinyTraining.images(2);
        bad[0] = Float.POSITIVE_INFINITY;
        try (ReplicaGroup group = filled(
                Precision.AMP_FP16, Strategy.DATA_PARALLEL, new StateFiles(null, checkpoint.toString(), null), 1, 2)) {
            group.step(List.of(2));
            group.fill(0, bad, TinyTraining.labels(2));
            group.stepAndSummarise(List.of(2));
        }
        try (ReplicaGroup group = filled(
                Precision.AMP_FP16, Strategy.DATA_PARALLEL, new StateFiles(checkpoint.toString(), null, null), 1, 2)) {
            group.fill(0, bad, TinyTraining.labels(2));
            ReplicaSummary summary = group.stepAndSummarise(List.of(2)).get(0);
            assertEquals(new AmpSummary("float16", 16384.0, 2), summary.amp());
        }
    }

    private static ReplicaGroup filled(Precision precision, int ranks, int batch) throws Exception {
        return filled(precision, Strategy.DATA_PARALLEL, StateFiles.NONE, ranks, batch);
    }

    private static ReplicaGroup filled(Precision precision, Strategy strategy, StateFiles files, int ranks, int batch)
            throws Exception {
        ReplicaGroup group =
                new ReplicaGroup(TinyTraining.quiet(precision, 3), strategy, files, ranks, batch, PATIENCE);
        group.fill(0, TinyTraining.images(batch), TinyTraining.labels(batch));
        return group;
    }

    private static float[] parameters(ReplicaGroup group) {
        return group.on(0, DjlTrainingEngine::replica).parameters().array().toFloatArray();
    }

    private static List<Float> toList(float[] values) {
        Float[] boxed = new Float[values.length];
        for (int i = 0; i < values.length; i++) {
            boxed[i] = values[i];
        }
        return List.of(boxed);
    }
}

package dev.lockstep.worker.step;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.common.plan.Chunks;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.work.PhaseNanos;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.worker.libtorch.LibTorch;
import dev.lockstep.worker.precision.Arithmetic;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Both strategies, against a plain loop of one process and in how they behave over many steps. */
class TrainingStepTest {
    @ParameterizedTest
    @EnumSource
    void shouldEqualAPlainLoopOverTwoRanks(Strategy strategy) throws Exception {
        checkAgainstPlainLoop(strategy, 2, List.of(8, 8, 8));
    }

    @ParameterizedTest
    @EnumSource
    void shouldEqualAPlainLoopWhateverTheChunks(Strategy strategy) throws Exception {
        // 3,3,3,1, then 2,2,1 with an idle rank, then one chunk alone, then all again.
        checkAgainstPlainLoop(strategy, 4, List.of(10, 5, 1, 10));
    }

    private static void checkAgainstPlainLoop(Strategy strategy, int ranks, List<Integer> batches) throws Exception {
        int largest = batches.stream().mapToInt(Integer::intValue).max().orElseThrow();
        float[] images = TinyTraining.images(largest);
        long[] labels = TinyTraining.labels(largest);
        try (ReplicaGroup group = group(TinyTraining.quiet(3), strategy, ranks, largest);
                NDManager manager = LibTorch.load().newBaseManager()) {
            group.fill(0, images, labels);
            Replica first = group.on(0, engine -> engine.replica());
            JniUtils.setGradMode(true);
            Replica plain =
                    Replica.inPrivateMemory(manager, TinyTraining.quiet(3).model(), Arithmetic.FULL);
            copy(first, plain);
            float[] velocity = null;
            for (int batch : batches) {
                List<Integer> chunks = Chunks.of(batch, ranks);

                List<StepReport> reports = group.step(chunks);

                double loss = plainGradients(manager, plain, images, labels, chunks);
                velocity = plainSgd(plain, velocity);
                assertEquals(loss, reports.get(0).loss(), 1e-5);
                assertNull(reports.get(ranks - 1).loss());
                for (String name : plain.parameters().layout().places().keySet()) {
                    assertClose(
                            name,
                            plain.gradients().read(name),
                            first.gradients().read(name));
                    assertClose(
                            name,
                            plain.parameters().read(name),
                            first.parameters().read(name));
                }
                for (String name : plain.buffers().layout().places().keySet()) {
                    assertClose(
                            name, plain.buffers().read(name), first.buffers().read(name));
                }
            }
        }
    }

    /** What torch.nn.DataParallel computes, in one graph: every chunk from the same buffers, one loss over all logits. */
    private static double plainGradients(
            NDManager parent, Replica replica, float[] images, long[] labels, List<Integer> chunks) {
        FlatTensor buffers = replica.buffers();
        ByteBuffer before = copyOf(buffers.bytes());
        ByteBuffer kept = null;
        int sampleFloats = images.length / labels.length;
        int size = TinyTraining.IMAGE_SIZE;
        try (NDManager scope = parent.newSubManager()) {
            List<PtNDArray> logits = new ArrayList<>();
            int sample = 0;
            for (int samples : chunks) {
                buffers.bytes().put(0, before, 0, before.capacity());
                float[] chunk = new float[samples * sampleFloats];
                System.arraycopy(images, sample * sampleFloats, chunk, 0, chunk.length);
                logits.add((PtNDArray) replica.forward(scope.create(chunk, new Shape(samples, 3, size, size))));
                kept = kept == null ? copyOf(buffers.bytes()) : kept;
                sample += samples;
            }
            buffers.bytes().put(0, kept, 0, kept.capacity());
            long[] used = new long[sample];
            System.arraycopy(labels, 0, used, 0, sample);
            NDArray gathered = JniUtils.cat(logits.toArray(PtNDArray[]::new), 0);
            NDArray loss = gathered.logSoftmax(1)
                    .mul(scope.create(used).oneHot(TinyTraining.CLASSES, DataType.FLOAT32))
                    .sum()
                    .neg()
                    .div(sample);
            replica.zeroGradients();
            replica.backward(loss, scope.ones(new Shape()));
            return loss.getFloat();
        }
    }

    private static float[] plainSgd(Replica replica, float[] before) {
        float[] parameters = replica.parameters().array().toFloatArray();
        float[] gradients = replica.gradients().array().toFloatArray();
        float[] velocity = new float[parameters.length];
        for (int i = 0; i < parameters.length; i++) {
            double gradient = gradients[i] + TinyTraining.SGD.weightDecay() * parameters[i];
            velocity[i] = (float) (before == null ? gradient : TinyTraining.SGD.momentum() * before[i] + gradient);
            parameters[i] = (float) (parameters[i] - TinyTraining.SGD.learningRate() * velocity[i]);
        }
        replica.parameters().bytes().asFloatBuffer().put(parameters);
        return velocity;
    }

    private static void copy(Replica from, Replica to) {
        to.parameters()
                .bytes()
                .put(0, from.parameters().bytes(), 0, from.parameters().bytes().capacity());
        to.buffers()
                .bytes()
                .put(0, from.buffers().bytes(), 0, from.buffers().bytes().capacity());
    }

    private static ByteBuffer copyOf(ByteBuffer bytes) {
        return ByteBuffer.allocate(bytes.capacity())
                .order(ByteOrder.nativeOrder())
                .put(0, bytes, 0, bytes.capacity());
    }

    private static void assertClose(String name, float[] expected, float[] actual) {
        double squares = 0;
        for (float value : expected) {
            squares += (double) value * value;
        }
        // A gradient that is zero but for rounding is compared on an absolute scale.
        double scale = Math.sqrt(squares / expected.length) + 1e-2;
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual[i], 1e-4 * (scale + Math.abs(expected[i])), name + "[" + i + "]");
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldComputeTheSameWhenRanksRunAhead(Strategy strategy) throws Exception {
        // With idle ranks and lone steps in between.
        List<Integer> batches = List.of(10, 5, 1, 10, 10, 5, 5, 1, 1, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 10);
        assertEquals(checksum(strategy, batches, true), checksum(strategy, batches, false));
    }

    private static String checksum(Strategy strategy, List<Integer> batches, boolean together) throws Exception {
        int ranks = 4;
        int largest = 10;
        try (ReplicaGroup group = group(TinyTraining.quiet(2), strategy, ranks, largest)) {
            group.fill(0, TinyTraining.images(largest), TinyTraining.labels(largest));
            List<List<Integer>> chunkings =
                    batches.stream().map(batch -> Chunks.of(batch, ranks)).toList();
            if (together) {
                chunkings.forEach(group::step);
            } else {
                group.runAhead(chunkings);
            }
            return group.on(0, DjlTrainingEngine::summarise).parameterChecksum();
        }
    }

    @Test
    void shouldReportEveryPhaseAndTheWholeStep() throws Exception {
        int ranks = 3;
        int batch = 4;
        try (ReplicaGroup group = group(TinyTraining.quiet(0), Strategy.DATA_PARALLEL, ranks, batch)) {
            group.fill(0, TinyTraining.images(batch), TinyTraining.labels(batch));
            long start = System.nanoTime();
            group.step(Chunks.of(batch, ranks));
            List<StepReport> reports = group.step(Chunks.of(batch, ranks));
            long whole = System.nanoTime() - start;

            for (int rank = 0; rank < 2; rank++) {
                StepReport report = reports.get(rank);
                PhaseNanos phases = report.phases();
                assertEquals(1, report.step());
                for (long phase : List.of(
                        phases.scatter(),
                        phases.replicate(),
                        phases.forward(),
                        phases.gather(),
                        phases.loss(),
                        phases.backward(),
                        phases.reduce(),
                        phases.optimizer())) {
                    assertTrue(phase > 0, phases.toString());
                }
                assertTrue(phases.sum() <= report.stepNanos() && report.stepNanos() <= whole, report.toString());
                assertTrue(report.waitNanos() <= phases.sum(), report.toString());
            }
            StepReport idle = reports.get(2);
            PhaseNanos phases = idle.phases();
            assertTrue(phases.reduce() > 0 && phases.optimizer() > 0, phases.toString());
            assertEquals(phases.reduce() + phases.optimizer(), phases.sum());
            assertTrue(idle.waitNanos() > 0 && idle.waitNanos() <= phases.reduce(), idle.toString());
            assertTrue(idle.stepNanos() > 0);
        }
    }

    @Test
    void shouldTimeTheShardOfEveryRank() throws Exception {
        try (ReplicaGroup group = group(TinyTraining.quiet(0), Strategy.ALL_REDUCE, 3, 4)) {
            group.fill(0, TinyTraining.images(4), TinyTraining.labels(4));

            List<StepReport> reports = group.step(Chunks.of(4, 3));

            for (StepReport report : reports) {
                PhaseNanos phases = report.phases();
                assertTrue(phases.reduce() > 0 && phases.optimizer() > 0, phases.toString());
                assertTrue(phases.sum() <= report.stepNanos(), report.toString());
                assertTrue(report.waitNanos() <= phases.sum(), report.toString());
            }
            assertTrue(reports.get(1).phases().backward() > 0);
            assertEquals(0, reports.get(2).phases().backward());
            assertNull(reports.get(1).loss());
        }
    }

    @Test
    void shouldEndAStepWithTheSameParametersInEveryReplica() throws Exception {
        try (ReplicaGroup group = group(TinyTraining.quiet(0), Strategy.ALL_REDUCE, 4, 5)) {
            group.fill(0, TinyTraining.images(5), TinyTraining.labels(5));
            String before = group.on(0, DjlTrainingEngine::summarise).parameterChecksum();
            for (int step = 0; step < 20; step++) {
                // Each rank sums up as soon as its own step is over, the idle one first.
                List<String> checksums = group.stepAndSummarise(Chunks.of(5, 4)).stream()
                        .map(ReplicaSummary::parameterChecksum)
                        .distinct()
                        .toList();
                assertEquals(1, checksums.size(), checksums.toString());
                assertNotEquals(before, checksums.get(0));
                before = checksums.get(0);
            }
        }
    }

    @Test
    void shouldStartFromTheSameWeightsOnAnyDeviceCount() throws Exception {
        Map<String, float[]> one = initial(1, 5);
        Map<String, float[]> three = initial(3, 5);
        Map<String, float[]> other = initial(1, 6);

        for (String name : one.keySet()) {
            assertEquals(box(one.get(name)), box(three.get(name)), name);
        }
        String convolution = "features.0.0.weight";
        assertNotEquals(box(one.get(convolution)), box(other.get(convolution)));
    }

    @ParameterizedTest
    @EnumSource
    void shouldLearn(Strategy strategy) throws Exception {
        int batch = 6;
        try (ReplicaGroup group = group(TinyTraining.noisy(1), strategy, 2, batch)) {
            group.fill(0, TinyTraining.images(batch), TinyTraining.labels(batch));
            Double first = group.step(Chunks.of(batch, 2)).get(0).loss();
            Double last = first;
            for (int step = 0; step < 60; step++) {
                last = group.step(Chunks.of(batch, 2)).get(0).loss();
            }
            assertNotNull(last);
            assertTrue(last < first / 2, "the loss went from " + first + " to " + last);
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldStepAnEmptyModelWhateverTheChunks(Strategy strategy) throws Exception {
        int ranks = 4;
        int largest = 10;
        try (ReplicaGroup group = group(TinyTraining.empty(), strategy, ranks, largest)) {
            group.fill(0, TinyTraining.images(largest), TinyTraining.labels(largest));
            double first = group.step(Chunks.of(largest, ranks)).get(0).loss();
            for (int batch : List.of(5, 1, 2)) {
                group.step(Chunks.of(batch, ranks));
            }
            double last = 0;
            for (int step = 0; step < 20; step++) {
                last = group.step(Chunks.of(largest, ranks)).get(0).loss();
            }

            // It learns how frequent each class is, and nothing else.
            assertTrue(last < first, "the loss went from " + first + " to " + last);
        }
    }

    private static ReplicaGroup group(TrainingSpec training, Strategy strategy, int ranks, int batch)
            throws IOException {
        return new ReplicaGroup(training, strategy, StateFiles.NONE, ranks, batch, Duration.ofMinutes(1));
    }

    private static Map<String, float[]> initial(int ranks, long seed) throws Exception {
        try (ReplicaGroup group = group(TinyTraining.noisy(seed), Strategy.DATA_PARALLEL, ranks, ranks)) {
            Replica last = group.on(ranks - 1, engine -> engine.replica());
            Map<String, float[]> values = new TreeMap<>();
            last.parameters()
                    .layout()
                    .places()
                    .keySet()
                    .forEach(name -> values.put(name, last.parameters().read(name)));
            return values;
        }
    }

    private static List<Float> box(float[] values) {
        List<Float> list = new ArrayList<>();
        for (float value : values) {
            list.add(value);
        }
        return list;
    }
}

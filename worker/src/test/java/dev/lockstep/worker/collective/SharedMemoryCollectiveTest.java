package dev.lockstep.worker.collective;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.memory.SegmentLayout;
import dev.lockstep.common.work.Reduction;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.worker.libtorch.LibTorch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** With parameters that rank 0 sums alone, and with some that all sum in shards. */
@ParameterizedClass
@ValueSource(ints = {16 * 37, 4 * 1024 + 16 * 37})
class SharedMemoryCollectiveTest {
    private static final int RANKS = 4;
    private static final int CLASSES = 3;
    private static final int BATCH = 10;
    private static final int BUFFERS = 16;
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @Parameter
    private int parameters;

    private Segment segment;
    private NDManager manager;
    private final List<ByteBuffer> ownBuffers = new ArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();

    @BeforeEach
    void open() throws IOException {
        manager = LibTorch.load().newBaseManager();
        segment = Segment.create(new SegmentLayout(RANKS, BATCH, 12, CLASSES, parameters, BUFFERS), "test", 1);
        for (int rank = 0; rank < RANKS; rank++) {
            ownBuffers.add(ByteBuffer.allocateDirect(BUFFERS * Float.BYTES).order(ByteOrder.nativeOrder()));
        }
    }

    @AfterEach
    void close() throws IOException {
        threads.shutdownNow();
        manager.close();
        segment.close();
    }

    /** What one rank saw of a step. */
    private record Seen(List<Float> gathered, List<Float> gradient, float firstBuffer) {}

    /** One rank's part in a step: its logits are its sample numbers, its gradients a number of its own. */
    private Seen take(Collective collective, int rank, StepCommand step) {
        try (NDManager scope = manager.newSubManager()) {
            int first = step.firstSample(rank);
            int samples = step.chunks().get(rank);
            collective.begin(step);
            collective.replicate();
            float[] logits = new float[samples * CLASSES];
            for (int i = 0; i < logits.length; i++) {
                logits[i] = step.step() * 1000f + first * (float) CLASSES + i;
            }
            NDArray gathered = collective.gather(scope, scope.create(logits, new Shape(samples, CLASSES)));
            NDArray batchGradient = rank == 0 ? gathered.mul(2) : null;
            NDArray gradient = collective.scatter(scope, batchGradient);
            fill(gradients(rank), (float) Math.pow(10, rank) * (step.step() + 1));
            collective.reduce(scope);
            return new Seen(
                    gathered == null ? null : list(gathered.toFloatArray()),
                    list(gradient.toFloatArray()),
                    ownBuffers.get(rank).getFloat(0));
        }
    }

    @Test
    void shouldMoveEveryChunkAndSumEveryGradient() throws Exception {
        List<SharedMemoryCollective> collectives = collectives(PATIENCE);
        List<List<Integer>> chunkings = List.of(
                List.of(3, 3, 3, 1),
                List.of(2, 2, 2, 1),
                List.of(2, 2, 1),
                List.of(1, 1),
                List.of(3, 3, 3, 1),
                List.of(4, 4, 2));
        for (int k = 0; k < chunkings.size(); k++) {
            StepCommand step = new StepCommand(k, 0, chunkings.get(k), Reduction.SUM_TO_FIRST);
            ownBuffers.get(0).putFloat(0, 7f + k);

            List<Seen> seen = runAll(collectives, step);

            assertEquals(
                    counting(k * 1000f, 1, step.batch() * CLASSES), seen.get(0).gathered());
            float sum = 0;
            for (int rank = 0; rank < step.chunks().size(); rank++) {
                float first = k * 1000f + step.firstSample(rank) * CLASSES;
                assertEquals(
                        counting(2 * first, 2, step.chunks().get(rank) * CLASSES),
                        seen.get(rank).gradient(),
                        "rank " + rank);
                assertEquals(7f + k, seen.get(rank).firstBuffer());
                sum += (float) Math.pow(10, rank) * (k + 1);
            }
            assertNull(seen.get(1).gathered());
            float[] reduced = new float[parameters];
            gradients(0).asFloatBuffer().get(reduced);
            for (float value : reduced) {
                assertEquals(sum, value);
            }
        }
    }

    @Test
    void shouldSumInRankOrder() throws Exception {
        // (1e8 - 1e8) + 1 is 1, (1 - 1e8) + 1e8 is 0 in float32.
        float[] values = {1e8f, -1e8f, 1f, 0.5f};
        List<SharedMemoryCollective> collectives = collectives(PATIENCE);
        StepCommand step = new StepCommand(0, 0, List.of(3, 3, 3, 1), Reduction.SUM_TO_FIRST);
        List<Future<?>> futures = new ArrayList<>();
        for (int rank = 0; rank < RANKS; rank++) {
            int own = rank;
            futures.add(threads.submit(() -> {
                fill(gradients(own), values[own]);
                collectives.get(own).begin(step);
                try (NDManager scope = manager.newSubManager()) {
                    collectives.get(own).reduce(scope);
                }
                return null;
            }));
        }
        for (Future<?> future : futures) {
            future.get();
        }

        float[] reduced = new float[parameters];
        gradients(0).asFloatBuffer().get(reduced);
        for (float value : reduced) {
            assertEquals(1.5f, value);
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldReduceInShardsWhateverTheChunksAndReturnTheLossOfAll(Reduction reduction) throws Exception {
        List<SharedMemoryCollective> collectives = collectives(PATIENCE);
        List<List<Integer>> chunkings =
                List.of(List.of(3, 3, 3, 1), List.of(2, 2, 1), List.of(1), List.of(3, 3, 3, 1), List.of(2, 2, 1));
        for (int k = 0; k < chunkings.size(); k++) {
            StepCommand step = new StepCommand(k, 0, chunkings.get(k), reduction);
            ownBuffers.get(0).putFloat(0, 7f + k);

            List<Double> losses = onAllRanks(rank -> takeInShards(collectives.get(rank), rank, step));

            float sum = 0;
            double loss = 0;
            for (int rank = 0; rank < step.chunks().size(); rank++) {
                sum += (float) Math.pow(10, rank) * (step.step() + 1);
                loss += rank + 0.5;
                assertEquals(7f + k, ownBuffers.get(rank).getFloat(0));
            }
            assertEquals(Arrays.asList(loss, null, null, null), losses);
            float[] reduced = new float[parameters];
            gradients(0).asFloatBuffer().get(reduced);
            for (float value : reduced) {
                assertEquals(sum, value);
            }
            float[] logits = new float[step.batch() * CLASSES];
            segment.logits(0, step.batch()).asFloatBuffer().get(logits);
            assertEquals(counting(0, 1, logits.length), list(logits));
        }
    }

    private Double takeInShards(Collective collective, int rank, StepCommand step) {
        try (NDManager scope = manager.newSubManager()) {
            collective.begin(step);
            if (step.isActive(rank)) {
                collective.replicate();
                int samples = step.chunks().get(rank);
                int first = step.firstSample(rank) * CLASSES;
                NDArray logits = scope.arange(first, first + samples * CLASSES, 1, DataType.FLOAT32);
                collective.shareLogits(logits.reshape(samples, CLASSES));
                fill(gradients(rank), (float) Math.pow(10, rank) * (step.step() + 1));
            }
            Double loss = collective.reduceShard(scope, step.isActive(rank) ? rank + 0.5 : 0);
            collective.awaitUpdates();
            return loss;
        }
    }

    @Test
    void shouldTellAllOfOneOverflow() throws Exception {
        List<SharedMemoryCollective> collectives = collectives(PATIENCE);
        for (int at = -1; at < RANKS; at++) {
            StepCommand step = new StepCommand(at + 1, 0, List.of(2, 2, 1), Reduction.SUM_TO_ALL);
            int overflowing = at;
            boolean any = at >= 0;

            List<Boolean> told = onAllRanks(rank -> {
                Collective collective = collectives.get(rank);
                collective.begin(step);
                boolean answer = collective.anyOverflow(rank == overflowing);
                collective.awaitUpdates();
                return answer;
            });

            assertEquals(List.of(any, any, any, any), told);
        }
    }

    @Test
    void shouldEndNoStepBeforeEveryShardIsStepped() throws Exception {
        Collective first = collectives(Duration.ofMillis(50)).get(0);
        first.begin(new StepCommand(0, 0, List.of(1), Reduction.SUM_TO_ALL));
        segment.publishProgress(1, Stage.UPDATED.progress(0));
        segment.publishProgress(2, Stage.UPDATED.progress(0));
        segment.publishProgress(3, Stage.CHECKED.progress(0));

        LockstepException e = assertThrows(LockstepException.class, first::awaitUpdates);

        assertEquals(FailureCategory.TIMEOUT, e.failure().category());
        assertTrue(e.getMessage().contains("replica 3"), e.getMessage());
        segment.publishProgress(3, Stage.UPDATED.progress(0));
        first.awaitUpdates();
    }

    @Test
    void shouldHaveReplicaZeroAloneWaitForAllShardsWhereItsNextStepIsWaitedFor() throws Exception {
        List<SharedMemoryCollective> collectives = collectives(Duration.ofMillis(50));
        StepCommand step = new StepCommand(0, 0, List.of(1, 1), Reduction.SUM_TO_FIRST);
        collectives.subList(0, 2).forEach(collective -> collective.begin(step));

        collectives.get(1).awaitUpdates();

        Collective first = collectives.get(0);
        if (Shard.owners(RANKS, parameters) == 1) {
            first.awaitUpdates();
            return;
        }
        LockstepException e = assertThrows(LockstepException.class, first::awaitUpdates);
        assertTrue(e.getMessage().contains("from replica 2, 3:"), e.getMessage());
        segment.publishProgress(2, Stage.UPDATED.progress(0));
        segment.publishProgress(3, Stage.UPDATED.progress(0));
        first.awaitUpdates();
    }

    private <T> List<T> onAllRanks(IntFunction<T> part) throws Exception {
        List<Future<T>> futures = new ArrayList<>();
        for (int rank = 0; rank < RANKS; rank++) {
            int own = rank;
            futures.add(threads.submit(() -> part.apply(own)));
        }
        List<T> results = new ArrayList<>();
        for (Future<T> future : futures) {
            results.add(future.get());
        }
        return results;
    }

    @Test
    void shouldHoldEarlyRanksUntilReplicaZeroIsDoneWithTheStepBefore() throws Exception {
        List<SharedMemoryCollective> collectives = collectives(PATIENCE);
        StepCommand step = new StepCommand(1, 0, List.of(1, 1), Reduction.SUM_TO_FIRST);
        runAll(collectives, new StepCommand(0, 0, List.of(1, 1), Reduction.SUM_TO_FIRST));
        ownBuffers.get(0).putFloat(0, 9f);

        Future<Seen> early = threads.submit(() -> take(collectives.get(1), 1, step));
        long before = segment.progress(1);
        take(collectives.get(0), 0, step);

        assertEquals(9f, early.get().firstBuffer());
        Stage last = Shard.owners(2, parameters) == 1 ? Stage.BACKWARD_DONE : Stage.REDUCED;
        assertEquals(last.progress(0), before);
    }

    @Test
    void shouldNameTheRanksThatDoNotCome() throws Exception {
        List<SharedMemoryCollective> collectives = collectives(Duration.ofMillis(50));
        StepCommand step = new StepCommand(5, 0, List.of(3, 3, 3, 1), Reduction.SUM_TO_FIRST);
        collectives.get(0).begin(step);
        segment.publishProgress(2, Stage.GATHERED.progress(5));
        NDArray logits = manager.zeros(new Shape(3, CLASSES));

        LockstepException e =
                assertThrows(LockstepException.class, () -> collectives.get(0).gather(manager, logits));

        assertEquals(FailureCategory.TIMEOUT, e.failure().category());
        assertTrue(e.getMessage().contains("replica 1, 3"), e.getMessage());
        assertTrue(e.getMessage().contains("step 5"), e.getMessage());
        assertTrue(collectives.get(0).takeWaitNanos() >= Duration.ofMillis(50).toNanos());
        assertEquals(0, collectives.get(0).takeWaitNanos());
    }

    @Test
    void shouldStopWaitingWhenTheMeasurementIsAborted() throws Exception {
        List<SharedMemoryCollective> collectives = collectives(PATIENCE);
        StepCommand step = new StepCommand(0, 0, List.of(1, 1), Reduction.SUM_TO_FIRST);
        Future<?> waiting = threads.submit(() -> take(collectives.get(1), 1, step));

        segment.abort();

        ExecutionException e = assertThrows(ExecutionException.class, waiting::get);
        LockstepException cause = assertInstanceOf(LockstepException.class, e.getCause());
        assertEquals(FailureCategory.ABORTED, cause.failure().category());
    }

    private List<SharedMemoryCollective> collectives(Duration patience) throws IOException {
        List<SharedMemoryCollective> collectives = new ArrayList<>();
        for (int rank = 0; rank < RANKS; rank++) {
            collectives.add(new SharedMemoryCollective(segment, rank, manager, ownBuffers.get(rank), patience));
        }
        return collectives;
    }

    private List<Seen> runAll(List<SharedMemoryCollective> collectives, StepCommand step) throws Exception {
        List<Future<Seen>> futures = new ArrayList<>();
        for (int rank = 0; rank < step.chunks().size(); rank++) {
            int own = rank;
            futures.add(threads.submit(() -> take(collectives.get(own), own, step)));
        }
        List<Seen> seen = new ArrayList<>();
        for (Future<Seen> future : futures) {
            seen.add(future.get());
        }
        return seen;
    }

    private ByteBuffer gradients(int rank) {
        try {
            return segment.gradients(rank);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private void fill(ByteBuffer floats, float value) {
        for (int i = 0; i < parameters; i++) {
            floats.putFloat(i * Float.BYTES, value);
        }
    }

    private static List<Float> counting(float first, float step, int count) {
        return IntStream.range(0, count).mapToObj(i -> first + step * i).toList();
    }

    private static List<Float> list(float[] values) {
        return IntStream.range(0, values.length).mapToObj(i -> values[i]).toList();
    }
}

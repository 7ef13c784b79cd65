package dev.lockstep.worker.step;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.plan.Chunks;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.work.StateFiles;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A step keeps nothing: what one leaves behind, thousands add up. */
class SteadyMemoryTest {
    private static final int RANKS = 2;
    private static final int BATCH = 4;
    private static final int WINDOWS = 7;
    /** Until when they must have been steady: Java compiles for longer where the cores are slow or few. */
    private static final int MOST_WINDOWS = 4 * WINDOWS;

    private static final int STEPS_PER_WINDOW = 50;
    private static final int STEPS_PER_SAMPLE = 5;
    /** 4 KiB a step. In the median window, Java itself was seen to take up to 36 KiB. */
    private static final long MOST_GROWN_BYTES = STEPS_PER_WINDOW * 4096L;

    @ParameterizedTest
    @EnabledOnOs(OS.LINUX)
    @CsvSource({"DATA_PARALLEL, FP32", "ALL_REDUCE, FP32", "DATA_PARALLEL, AMP_BF16"})
    void shouldKeepNothingOfAStep(Strategy strategy, Precision precision) throws Exception {
        try (NativeMemory memory = new NativeMemory();
                ReplicaGroup group = new ReplicaGroup(
                        TinyTraining.noisy(precision, 0),
                        strategy,
                        StateFiles.NONE,
                        RANKS,
                        BATCH,
                        Duration.ofSeconds(30))) {
            group.fill(0, TinyTraining.images(BATCH), TinyTraining.labels(BATCH));
            // Momentum is made by the first step, and Java compiles what it finds it runs often.
            Window before = Window.run(group, memory);
            int handles = group.on(0, DjlTrainingEngine::openHandles);
            long tensors = memory.tensorBytes();
            assertTrue(tensors > 0, "libtorch counts no tensors");
            long[] malloced = new long[MOST_WINDOWS];
            long[] heap = new long[MOST_WINDOWS];
            int windows = 0;
            boolean steady = false;
            while (!steady && windows < MOST_WINDOWS) {
                Window now = Window.run(group, memory);

                assertEquals(handles, group.on(0, DjlTrainingEngine::openHandles), "open handles");
                assertEquals(tensors, memory.tensorBytes(), "bytes of tensors");
                malloced[windows] = now.mallocedBytes - before.mallocedBytes;
                heap[windows] = now.heapBytes - before.heapBytes;
                before = now;
                windows++;
                steady = isSteady(malloced, windows) && isSteady(heap, windows);
            }

            assertTrue(
                    steady,
                    () -> "in windows of %d steps, malloc's blocks grew by these bytes: %s, and the Java heap by: %s"
                            .formatted(STEPS_PER_WINDOW, Arrays.toString(malloced), Arrays.toString(heap)));
        }
    }

    /**
     * Whether most of the last windows grew by little. A leak grows in every window; what Java takes and gives back for itself, a compilation
     * above all, does so in a few.
     */
    private static boolean isSteady(long[] grownBytes, int windows) {
        if (windows < WINDOWS) {
            return false;
        }
        long[] last = Arrays.copyOfRange(grownBytes, windows - WINDOWS, windows);
        Arrays.sort(last);
        return last[WINDOWS / 2] < MOST_GROWN_BYTES;
    }

    /**
     * Memory over some steps.
     *
     * @param mallocedBytes the least there was, because a compilation under way takes many MiB
     * @param heapBytes after them and a collection
     */
    private record Window(long mallocedBytes, long heapBytes) {
        static Window run(ReplicaGroup group, NativeMemory memory) {
            long least = Long.MAX_VALUE;
            for (int sample = 0; sample < STEPS_PER_WINDOW / STEPS_PER_SAMPLE; sample++) {
                for (int step = 0; step < STEPS_PER_SAMPLE; step++) {
                    group.step(Chunks.of(BATCH, RANKS));
                }
                least = Math.min(least, memory.mallocedBytes());
            }
            System.gc();
            Runtime runtime = Runtime.getRuntime();
            return new Window(least, runtime.totalMemory() - runtime.freeMemory());
        }
    }
}

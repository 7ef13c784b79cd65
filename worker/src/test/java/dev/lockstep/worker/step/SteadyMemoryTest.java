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
            long[] malloced = new long[WINDOWS];
            long[] heap = new long[WINDOWS];
            for (int window = 0; window < WINDOWS; window++) {
                Window now = Window.run(group, memory);

                assertEquals(handles, group.on(0, DjlTrainingEngine::openHandles), "open handles");
                assertEquals(tensors, memory.tensorBytes(), "bytes of tensors");
                malloced[window] = now.mallocedBytes - before.mallocedBytes;
                heap[window] = now.heapBytes - before.heapBytes;
                before = now;
            }

            assertSteady("malloc's blocks", malloced);
            assertSteady("the Java heap", heap);
        }
    }

    /** A leak grows in every window; what Java takes and gives back for itself, a compilation above all, does so in a few. */
    private static void assertSteady(String what, long[] grownBytes) {
        Arrays.sort(grownBytes);
        assertTrue(grownBytes[WINDOWS / 2] < MOST_GROWN_BYTES, () -> "%s grew by these bytes in windows of %d steps: %s"
                .formatted(what, STEPS_PER_WINDOW, Arrays.toString(grownBytes)));
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

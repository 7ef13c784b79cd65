package dev.lockstep.coordinator.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.plan.DataSpec;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SyntheticSourceTest {
    private static final int SIZE = 24;
    private static final int BATCH = 40;
    private static final ModelSpec MODEL = new ModelSpec("tiny", 5, SIZE, null, null);

    private record Batch(FloatBuffer inputs, LongBuffer labels) {}

    @Test
    void shouldBeStandardNormal() {
        Batch batch = batch(MemoryFormat.CONTIGUOUS, 0, 0);
        double[] values = IntStream.range(0, batch.inputs().capacity())
                .mapToDouble(i -> batch.inputs().get(i))
                .toArray();
        double mean = Arrays.stream(values).average().orElseThrow();
        double variance = Arrays.stream(values)
                .map(value -> (value - mean) * (value - mean))
                .average()
                .orElseThrow();
        // 69,120 draws: five standard errors of the mean and of the variance.
        assertEquals(0, mean, 5 / Math.sqrt(values.length));
        assertEquals(1, variance, 5 * Math.sqrt(2.0 / values.length));
    }

    @Test
    void shouldDrawEveryLabelAndNoOther() {
        long[] labels = batch(MemoryFormat.CONTIGUOUS, 0, 0).labels().array();
        assertArrayEquals(
                new long[] {0, 1, 2, 3, 4},
                Arrays.stream(labels).distinct().sorted().toArray());
    }

    @Test
    void shouldGiveTheSameBatchToEveryStepAndEverySourceOfASeed() {
        Batch batch = batch(MemoryFormat.CONTIGUOUS, 3, 0);
        assertEquals(batch, batch(MemoryFormat.CONTIGUOUS, 3, 17));
        assertFalse(batch.inputs().equals(batch(MemoryFormat.CONTIGUOUS, 4, 0).inputs()));
        assertTrue(source(MemoryFormat.CONTIGUOUS, 3).constant());
    }

    @Test
    void shouldHoldTheSameImagesInBothMemoryFormats() {
        Batch contiguous = batch(MemoryFormat.CONTIGUOUS, 0, 0);
        Batch channelsLast = batch(MemoryFormat.CHANNELS_LAST, 0, 0);
        int pixels = SIZE * SIZE;
        for (int sample = 0; sample < BATCH; sample++) {
            for (int channel = 0; channel < 3; channel++) {
                for (int pixel = 0; pixel < pixels; pixel++) {
                    assertEquals(
                            contiguous.inputs().get((sample * 3 + channel) * pixels + pixel),
                            channelsLast.inputs().get((sample * pixels + pixel) * 3 + channel));
                }
            }
        }
        assertEquals(contiguous.labels(), channelsLast.labels());
    }

    @Test
    void shouldWriteAtTheBuffersPositionAndLeaveItThere() {
        int floats = BATCH * (int) MODEL.sampleFloats();
        FloatBuffer inputs = FloatBuffer.allocate(floats + 7).position(7);
        LongBuffer labels = LongBuffer.allocate(BATCH + 1).position(1);
        source(MemoryFormat.CONTIGUOUS, 0).fill(0, inputs, labels);
        assertEquals(batch(MemoryFormat.CONTIGUOUS, 0, 0), new Batch(inputs, labels));
        assertEquals(7, inputs.position());
        assertEquals(0, inputs.get(0));
    }

    @Test
    void shouldRefuseASlotOfAnotherSize() {
        assertThrows(IllegalArgumentException.class, () -> source(MemoryFormat.CONTIGUOUS, 0)
                .fill(0, FloatBuffer.allocate((int) MODEL.sampleFloats()), LongBuffer.allocate(BATCH)));
    }

    private static Batch batch(MemoryFormat format, long seed, long step) {
        Batch batch = new Batch(FloatBuffer.allocate(BATCH * (int) MODEL.sampleFloats()), LongBuffer.allocate(BATCH));
        source(format, seed).fill(step, batch.inputs(), batch.labels());
        return batch;
    }

    private static BatchSource source(MemoryFormat format, long seed) {
        return BatchSource.open(new DataSpec.Synthetic(), MODEL, format, BATCH, seed);
    }
}

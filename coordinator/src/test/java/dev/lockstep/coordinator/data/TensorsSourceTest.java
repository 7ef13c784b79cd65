package dev.lockstep.coordinator.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.DataSpec;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.tensor.NamedTensor;
import dev.lockstep.common.tensor.SafetensorsWriter;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TensorsSourceTest {
    private static final ModelSpec MODEL = new ModelSpec("tiny", 5, 2, null, null);

    @TempDir
    Path folder;

    private Path write(float[] inputs, long[] labels, long... shape) {
        Path file = folder.resolve("batch.safetensors");
        SafetensorsWriter.write(
                file,
                List.of(
                        NamedTensor.floats("inputs", inputs, shape),
                        NamedTensor.longs("labels", labels, labels.length)),
                Map.of());
        return file;
    }

    private static float[] counting(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = i;
        }
        return values;
    }

    private static BatchSource open(Path file, MemoryFormat format, int batch) {
        return BatchSource.open(new DataSpec.Tensors(file), MODEL, format, batch, 0);
    }

    @Test
    void shouldCopyImagesAsTheyAreWhenContiguous() {
        Path file = write(counting(24), new long[] {4, 0}, 2, 3, 2, 2);
        FloatBuffer inputs = FloatBuffer.allocate(24);
        LongBuffer labels = LongBuffer.allocate(2);
        try (BatchSource source = open(file, MemoryFormat.CONTIGUOUS, 2)) {
            source.fill(0, inputs, labels);
            assertTrue(source.constant());
        }
        assertArrayEquals(counting(24), inputs.array());
        assertArrayEquals(new long[] {4, 0}, labels.array());
        assertEquals(0, inputs.position());
        assertEquals(0, labels.position());
    }

    @Test
    void shouldPutChannelsLastWhereTheSlotHasThem() {
        Path file = write(counting(24), new long[] {4, 0}, 2, 3, 2, 2);
        FloatBuffer inputs = FloatBuffer.allocate(24);
        try (BatchSource source = open(file, MemoryFormat.CHANNELS_LAST, 2)) {
            source.fill(0, inputs, LongBuffer.allocate(2));
        }
        float[] expected = {
            0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, 12, 16, 20, 13, 17, 21, 14, 18, 22, 15, 19, 23,
        };
        assertArrayEquals(expected, inputs.array());
    }

    @Test
    void shouldRefuseAnotherBatch() {
        Path file = write(counting(24), new long[] {4, 0}, 2, 3, 2, 2);
        assertRefused(
                file, 3, file + " has 'inputs' as F32 [2, 3, 2, 2], but a step of this run needs F32 [3, 3, 2, 2]");
    }

    @Test
    void shouldRefuseLabelsThatAreNotOnePerImage() {
        Path file = write(counting(24), new long[] {4}, 2, 3, 2, 2);
        assertRefused(file, 2, file + " has 'labels' as I64 [1], but a step of this run needs I64 [2]");
    }

    @Test
    void shouldRefuseALabelThatIsNoClass() {
        Path file = write(counting(24), new long[] {4, 5}, 2, 3, 2, 2);
        assertRefused(file, 2, file + " has the label 5, but the model has 5 classes");
    }

    @Test
    void shouldRefuseAFileThatIsNotThere() {
        Path file = folder.resolve("missing.safetensors");
        assertRefused(file, 2, file + ": there is no such file");
    }

    private static void assertRefused(Path file, int batch, String message) {
        LockstepException refusal =
                assertThrows(LockstepException.class, () -> open(file, MemoryFormat.CONTIGUOUS, batch));
        assertEquals(message, refusal.getMessage());
    }
}

package dev.lockstep.worker.libtorch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LibTorchTest {
    private NDManager manager;

    @BeforeEach
    void open() {
        manager = LibTorch.load().newBaseManager();
        JniUtils.setGradMode(true);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void shouldLetGradientsFlowThroughSilu() {
        PtNDArray input = (PtNDArray) manager.create(new float[] {-2f, -0.5f, 0f, 1.5f});
        input.setRequiresGradient(true);

        PtNDArray output = LibTorch.silu(input);
        JniUtils.backward(output, (PtNDArray) manager.ones(new Shape(4)), false, false);

        float[] values = output.toFloatArray();
        float[] slopes = input.getGradient().toFloatArray();
        float[] inputs = input.toFloatArray();
        for (int i = 0; i < inputs.length; i++) {
            double sigmoid = 1 / (1 + Math.exp(-inputs[i]));
            assertEquals(inputs[i] * sigmoid, values[i], 1e-6);
            assertEquals(sigmoid * (1 + inputs[i] * (1 - sigmoid)), slopes[i], 1e-6);
        }
    }

    @Test
    void shouldDropWholeSamplesAndScaleTheRest() {
        int samples = 2000;
        int floats = 3 * 2 * 2;
        PtNDArray input = (PtNDArray) manager.ones(new Shape(samples, 3, 2, 2));
        input.setRequiresGradient(true);
        JniUtils.setSeed(3);

        PtNDArray output = LibTorch.dropSamples(input, 0.25);
        JniUtils.backward(output, (PtNDArray) manager.ones(output.getShape()), false, false);

        assertEquals(input.getShape(), output.getShape());
        float[] values = output.toFloatArray();
        assertArrayEquals(values, input.getGradient().toFloatArray());
        int dropped = 0;
        for (int sample = 0; sample < samples; sample++) {
            float first = values[sample * floats];
            assertTrue(first == 0 || Math.abs(first - 1 / 0.75) < 1e-6, "sample became " + first);
            for (int i = 1; i < floats; i++) {
                assertEquals(first, values[sample * floats + i]);
            }
            dropped += first == 0 ? 1 : 0;
        }
        assertEquals(0.25, (double) dropped / samples, 0.04);
    }

    @Test
    void shouldRefuseWhatIsNoProbability() {
        PtNDArray input = (PtNDArray) manager.ones(new Shape(1, 1, 1, 1));

        assertThrows(IllegalArgumentException.class, () -> LibTorch.dropSamples(input, 1.5));
        assertThrows(IllegalArgumentException.class, () -> LibTorch.dropSamples(input, Double.NaN));
    }

    @Test
    void shouldZeroInPlaceWhateverWasThere() {
        NDArray array = manager.create(new float[] {1f, Float.NaN, Float.POSITIVE_INFINITY});

        LibTorch.zero(array);

        assertArrayEquals(new float[3], array.toFloatArray());
    }

    @Test
    void shouldShareMemoryOnceAliased() {
        NDArray array = manager.create(new float[] {1f, 2f});
        NDArray other = manager.create(new float[] {3f, 4f});

        LibTorch.alias(array, other);
        other.addi(manager.create(1f));

        assertArrayEquals(new float[] {4f, 5f}, array.toFloatArray());
        assertThrows(IllegalArgumentException.class, () -> LibTorch.alias(array, manager.ones(new Shape(3))));
    }
}

package dev.lockstep.worker.libtorch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.worker.libtorch.FusedKernels.AdamSettings;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class FusedKernelsTest {
    private NDManager manager;

    @BeforeEach
    void open() {
        manager = LibTorch.load().newBaseManager();
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void shouldUnscaleAndFindWhatIsNotFinite() {
        NDArray inverse = manager.create(0.25f);
        NDArray finite = manager.create(new float[] {4f, -2f, 0f});
        NDArray found = manager.zeros(new Shape(), DataType.FLOAT32);

        FusedKernels.unscale(finite, found, inverse);

        assertArrayEquals(new float[] {1f, -0.5f, 0f}, finite.toFloatArray());
        assertEquals(0f, found.getFloat());
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            NDArray fresh = manager.zeros(new Shape(), DataType.FLOAT32);
            FusedKernels.unscale(manager.create(new float[] {1f, 2f, bad}), fresh, inverse);
            assertEquals(1f, fresh.getFloat(), "for " + bad);
        }
    }

    @Test
    void shouldRefuseArraysThatDoNotMatch() {
        NDArray two = manager.ones(new Shape(2));
        NDArray three = manager.ones(new Shape(3));
        AdamSettings settings = new AdamSettings(0.1, 0.9, 0.999, 1e-8, 0, false);
        NDArray step = manager.create(1f);

        assertRefused(() -> FusedKernels.sgd(two, three, null, 0.1, 0, 0, false, true));
        assertRefused(() -> FusedKernels.sgd(two, two, three, 0.1, 0.9, 0, false, true));
        assertRefused(() -> FusedKernels.sgd(two, two, null, 0.1, 0.9, 0, false, true));
        assertRefused(() -> FusedKernels.sgd(two, two, null, 0.1, 0, 0, true, true));
        assertRefused(() -> FusedKernels.adam(settings, two, three, two, two, step));
        assertRefused(() -> FusedKernels.adam(settings, two, two, three, two, step));
        assertRefused(() -> FusedKernels.adam(settings, two, two, two, three, step));
        assertRefused(() -> FusedKernels.adam(settings, two, two, two, two, two));
        assertRefused(() -> FusedKernels.unscale(two, two, step));
    }

    private static void assertRefused(Runnable action) {
        assertThrows(IllegalArgumentException.class, action::run);
    }
}

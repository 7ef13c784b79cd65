package dev.lockstep.worker.step;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.worker.libtorch.LibTorch;
import dev.lockstep.worker.precision.Arithmetic;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ReplicaTest {
    private static final int CLASSES = 35;

    private NDManager manager;

    @BeforeEach
    void open() {
        manager = LibTorch.load().newBaseManager();
        JniUtils.setGradMode(true);
        JniUtils.setSeed(1);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void shouldInitialiseAsTorchvisionDoes() {
        Replica replica = Replica.inPrivateMemory(
                manager, new ModelSpec("efficientnet_b0", CLASSES, 224, null, null), Arithmetic.FULL);
        FlatTensor parameters = replica.parameters();

        // Kaiming normal by fan-out: output channels times kernel area, not divided by the groups.
        checkNormal(parameters.read("features.8.0.weight"), Math.sqrt(2.0 / 1280), 0.01);
        checkNormal(parameters.read("features.6.1.block.1.0.weight"), Math.sqrt(2.0 / (1152 * 25)), 0.02);
        checkNormal(parameters.read("features.1.0.block.1.fc2.weight"), Math.sqrt(2.0 / 32), 0.15);
        checkUniform(parameters.read("classifier.1.weight"), 1 / Math.sqrt(CLASSES));
        checkAll(parameters.read("classifier.1.bias"), 0);
        checkAll(parameters.read("features.1.0.block.1.fc1.bias"), 0);
        checkAll(parameters.read("features.0.1.weight"), 1);
        checkAll(parameters.read("features.0.1.bias"), 0);
        checkAll(replica.buffers().read("features.0.1.running_mean"), 0);
        checkAll(replica.buffers().read("features.0.1.running_var"), 1);
    }

    private static void checkNormal(float[] values, double deviation, double tolerance) {
        double sum = 0;
        double squares = 0;
        double beyondTwo = 0;
        for (float value : values) {
            sum += value;
            squares += (double) value * value;
            beyondTwo += Math.abs(value) > 2 * deviation ? 1 : 0;
        }
        int n = values.length;
        assertEquals(0, sum / n, 4 * deviation / Math.sqrt(n));
        assertEquals(1, Math.sqrt(squares / n) / deviation, tolerance);
        assertEquals(0.0455, beyondTwo / n, 0.03);
    }

    private static void checkUniform(float[] values, double bound) {
        double squares = 0;
        for (float value : values) {
            assertTrue(Math.abs(value) <= bound);
            squares += (double) value * value;
        }
        assertEquals(1, Math.sqrt(squares / values.length) / (bound / Math.sqrt(3)), 0.02);
    }

    private static void checkAll(float[] values, float expected) {
        for (float value : values) {
            assertEquals(expected, value);
        }
    }

    @Test
    void shouldStartEveryTensorOnACacheLine() {
        Replica replica = tiny();
        long end = 0;

        for (FlatLayout.Place place : replica.parameters().layout().places().values()) {
            assertEquals(0, place.offset() % 16);
            assertTrue(place.offset() >= end && place.offset() < end + 16, "no overlap, no more padding than needed");
            end = place.offset() + place.shape().size();
        }
        assertEquals((end + 15) / 16 * 16, replica.parameters().layout().floats());
    }

    @Test
    void shouldComputeWithTheFlatMemory() {
        Replica replica = tiny();
        String name = "classifier.1.bias";
        NDArray images = manager.ones(new Shape(2, 3, 32, 32));
        float before = replica.forward(images).getFloat(0, 1);

        replica.write(name, new float[] {0, 10, 0, 0, 0});

        assertEquals(before + 10, replica.forward(images).getFloat(0, 1), 1e-4);
        assertThrows(IllegalArgumentException.class, () -> replica.write(name, new float[3]));
        assertThrows(IllegalArgumentException.class, () -> replica.write("no.such.tensor", new float[3]));
    }

    @Test
    void shouldAddGradientsIntoTheFlatMemory() {
        Replica replica = tiny();
        NDArray images = manager.ones(new Shape(2, 3, 32, 32));

        for (int pass = 1; pass <= 2; pass++) {
            NDArray logits = replica.forward(images);
            replica.backward(logits, manager.ones(logits.getShape()));

            // The bias's gradient is the number of samples, in every pass anew.
            checkAll(replica.gradients().read("classifier.1.bias"), 2 * pass);
        }
        replica.zeroGradients();

        assertArrayEquals(
                new float[(int) replica.gradients().layout().floats()],
                replica.gradients().array().toFloatArray());
    }

    @Test
    void shouldChecksumAllParameters() {
        Replica replica = tiny();
        long before = replica.parameterChecksum();
        CRC32C checksum = new CRC32C();
        checksum.update(replica.parameters().bytes().duplicate().rewind());

        assertEquals(checksum.getValue(), before);
        replica.write("classifier.1.bias", new float[] {0, 0, 0, 0, 1});
        assertNotEquals(before, replica.parameterChecksum());
    }

    private Replica tiny() {
        return Replica.inPrivateMemory(manager, TinyTraining.quiet(0).model(), Arithmetic.FULL);
    }
}

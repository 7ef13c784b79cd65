package dev.lockstep.worker.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.libtorch.LibTorch;
import java.util.function.UnaryOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The way of mixed precision on a GPU against the other one, on the CPU. */
class GlobalAveragePoolTest {
    private static final class Outcome {
        final Shape shape;
        final float[] means;
        final float[] gradient;
        final boolean gradientIsChannelsLast;

        Outcome(PtNDArray means, PtNDArray gradient) {
            this.shape = means.getShape();
            this.means = means.toFloatArray();
            this.gradient = gradient.toFloatArray();
            this.gradientIsChannelsLast = LibTorch.isChannelsLast(gradient);
        }
    }

    private static Outcome run(boolean channelsLast, UnaryOperator<PtNDArray> pool) {
        try (NDManager manager = LibTorch.load().newBaseManager(Device.cpu())) {
            manager.getEngine().setRandomSeed(5);
            JniUtils.setGradMode(true);
            PtNDArray input = (PtNDArray) manager.randomNormal(new Shape(2, 3, 5, 4));
            if (channelsLast) {
                PtNDArray inMemory =
                        (PtNDArray) manager.zeros(new Shape(2, 5, 4, 3)).add(JniUtils.permute(input, Layer.TO_NHWC));
                input = JniUtils.permute(inMemory, Layer.TO_NCHW);
            }
            assertEquals(channelsLast, LibTorch.isChannelsLast(input));
            input.setRequiresGradient(true);
            PtNDArray means = pool.apply(input);
            NDArray weights = manager.arange(6f).reshape(2, 3, 1, 1);
            JniUtils.backward(means, (PtNDArray) weights, false, false);
            return new Outcome(means, input.getGradient());
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldBeTheSameBothWaysInTheInputsOrder(boolean channelsLast) {
        Outcome quotient = run(channelsLast, input -> new GlobalAveragePool().apply(input, true));
        Outcome mean = run(channelsLast, GlobalAveragePool::mean);

        assertEquals(new Shape(2, 3, 1, 1), mean.shape);
        assertEquals(quotient.shape, mean.shape);
        assertArrayEquals(quotient.means, mean.means, 1e-6f);
        assertArrayEquals(quotient.gradient, mean.gradient, 1e-7f);
        assertEquals(channelsLast, mean.gradientIsChannelsLast);
    }
}

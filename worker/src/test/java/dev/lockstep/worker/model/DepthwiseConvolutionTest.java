package dev.lockstep.worker.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.libtorch.AutocastMode;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;
import dev.lockstep.worker.libtorch.AutocastMode.HalfType;
import dev.lockstep.worker.libtorch.Bfloat16Images;
import dev.lockstep.worker.libtorch.ConvolutionGradients;
import dev.lockstep.worker.libtorch.LibTorch;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against the plain convolution, whose gradients are all autograd's. */
class DepthwiseConvolutionTest {
    private final GraphCuts cuts = new GraphCuts();
    /** One, which the kernels serve where the processor lets them, and two, for libtorch's operators. */
    private static final int[] THREADS = {1, 2};

    private NDManager manager;
    private int threads;

    @BeforeEach
    void open() {
        manager = LibTorch.load().newBaseManager();
        JniUtils.setGradMode(true);
        JniUtils.setSeed(7);
        threads = JniUtils.getNumThreads();
    }

    @AfterEach
    void close() {
        JniUtils.setNumThreads(threads);
        manager.close();
    }

    /** What a step finds out: all float32. */
    private static final class Found {
        private final float[] output;
        private final float[] byInput;
        private final float[] byWeight;

        Found(NDArray output, NDArray byInput, NDArray byWeight) {
            this.output = output.toFloatArray();
            this.byInput = byInput.toFloatArray();
            this.byWeight = byWeight.toFloatArray();
        }
    }

    @ParameterizedTest(name = "{0} images of {1} x {2} x {3}, kernel {4}, stride {5}, channels last {6}")
    @CsvSource({
        "2, 24, 14, 14, 5, 1, true",
        "2, 24, 14, 14, 5, 1, false",
        "3, 40, 7, 7, 5, 1, true",
        "1, 17, 9, 11, 5, 1, true",
        "2, 16, 28, 28, 5, 2, true",
        "2, 16, 15, 13, 5, 2, true",
        "2, 16, 13, 16, 5, 2, false",
        "1, 8, 2, 1, 5, 1, true",
        "2, 24, 14, 14, 3, 1, true",
        "2, 24, 15, 14, 3, 2, true",
        "2, 16, 28, 28, 3, 1, true",
        "2, 40, 6, 56, 5, 1, true",
        "2, 24, 3, 43, 5, 1, true",
        "1, 7, 5, 30, 5, 2, true",
        "1, 32, 4, 61, 3, 2, true",
        "3, 144, 1, 1, 3, 1, true",
        "2, 48, 1, 3, 5, 2, true"
    })
    void shouldHaveThePlainConvolutionsGradients(
            int images, int channels, int height, int width, int kernel, int stride, boolean channelsLast) {
        Shape shape = new Shape(images, channels, height, width);
        PtNDArray weight = (PtNDArray) manager.randomNormal(new Shape(channels, 1, kernel, kernel));
        PtNDArray input = images(shape, channelsLast);

        Found expected = run(new Convolution("c", channels, channels, kernel, stride, channels, false), weight, input);
        for (int count : THREADS) {
            JniUtils.setNumThreads(count);
            Found found = run(new DepthwiseConvolution("c", channels, kernel, stride, cuts), weight, input);

            assertClose(expected.output, found.output, 1e-6);
            assertClose(expected.byInput, found.byInput, 1e-6);
            assertClose(expected.byWeight, found.byWeight, 1e-5);
        }
    }

    @ParameterizedTest(name = "images of {0} x {1}, kernel {2}, stride {3}")
    @CsvSource({
        "14, 14, 3, 2",
        "14, 14, 5, 2",
        "15, 13, 5, 2",
        "14, 14, 5, 1",
        "7, 7, 5, 1",
        "3, 56, 3, 1",
        "6, 43, 5, 1",
        "5, 57, 5, 2"
    })
    void shouldHaveThemInBfloat16(int height, int width, int kernel, int stride) {
        int channels = 40;
        // Whole numbers, which bfloat16 has exactly: its sums are float32's, rounded.
        PtNDArray weight = (PtNDArray)
                manager.randomNormal(new Shape(channels, 1, kernel, kernel)).round();
        PtNDArray input = images(new Shape(2, channels, height, width), true).round();

        // Not autograd's bfloat16: oneDNN's gradient by the input, with a stride, is plainly wrong on some processors.
        Layer plain = new Convolution("c", channels, channels, kernel, stride, channels, false);
        Found expected = run(plain, weight, input, layerInput -> plain.apply((PtNDArray) layerInput, true));
        for (int count : THREADS) {
            JniUtils.setNumThreads(count);
            Found found = runHalf(new DepthwiseConvolution("c", channels, kernel, stride, cuts), weight, input);

            // Half a unit in bfloat16's last place; the weight's is summed up in parts.
            assertClose(expected.output, found.output, 0x1p-8);
            assertClose(expected.byInput, found.byInput, 0x1p-8);
            assertClose(expected.byWeight, found.byWeight, 0x1p-7);
        }
    }

    @Test
    void shouldForgetAPassThatHadNoBackward() {
        PtNDArray weight = (PtNDArray) manager.randomNormal(new Shape(16, 1, 5, 5));
        PtNDArray input = images(new Shape(2, 16, 8, 8), true);
        DepthwiseConvolution layer = new DepthwiseConvolution("c", 16, 5, 1, cuts);
        Found once = run(layer, weight, input);

        try (NDManager step = manager.newSubManager()) {
            PtNDArray leaf = images(new Shape(1, 16, 4, 4), true);
            leaf.attach(step);
            leaf.setRequiresGradient(true);
            layer.apply(Twice.of(leaf), true);
        }
        Found again = run(layer, weight, input);
        cuts.continueBackward();

        assertArrayEquals(once.byWeight, again.byWeight, 0f);
        assertArrayEquals(
                again.byWeight,
                layer.getParameters().get(0).getValue().getArray().getGradient().toFloatArray(),
                0f);
    }

    @Test
    void shouldAddTheGradientsOfSeveralPassesWheneverTheirBackwardComes() {
        PtNDArray weight = (PtNDArray) manager.randomNormal(new Shape(16, 1, 5, 5));
        PtNDArray small = images(new Shape(2, 16, 8, 8), true);
        PtNDArray large = images(new Shape(3, 16, 9, 7), true);
        float[] expected = sum(
                run(new Convolution("c", 16, 16, 5, 1, 16, false), weight, small).byWeight,
                run(new Convolution("c", 16, 16, 5, 1, 16, false), weight, large).byWeight);
        DepthwiseConvolution layer = new DepthwiseConvolution("c", 16, 5, 1, cuts);
        PtNDArray values = withZeroGradient(layer, weight);

        PtNDArray first = layer.apply(Twice.of(leaf(small)), true);
        PtNDArray second = layer.apply(Twice.of(leaf(large)), true);
        backward(second);
        backward(first);

        assertClose(expected, values.getGradient().toFloatArray(), 1e-5);
    }

    @Test
    void shouldStopBackwardUntilItIsCarriedOn() {
        PtNDArray weight = (PtNDArray) manager.randomNormal(new Shape(16, 1, 3, 3));
        DepthwiseConvolution layer = new DepthwiseConvolution("c", 16, 3, 1, cuts);
        PtNDArray values = withZeroGradient(layer, weight);
        PtNDArray leaf = leaf(images(new Shape(2, 16, 8, 8), true));
        PtNDArray output = layer.apply(Twice.of(leaf), true);

        JniUtils.backward(output, (PtNDArray) manager.ones(output.getShape()), false, false);
        float before = leaf.getGradient().abs().sum().getFloat()
                + values.getGradient().abs().sum().getFloat();
        cuts.continueBackward();

        assertEquals(0, before);
        assertNotEquals(0, leaf.getGradient().abs().sum().getFloat());
        assertNotEquals(0, values.getGradient().abs().sum().getFloat());
    }

    @Test
    void shouldLeaveNothingForLaterWithoutBackward() {
        PtNDArray weight = (PtNDArray) manager.randomNormal(new Shape(16, 1, 5, 5));
        PtNDArray input = images(new Shape(2, 16, 8, 8), true);
        DepthwiseConvolution layer = new DepthwiseConvolution("c", 16, 5, 1, cuts);
        PtNDArray values = withZeroGradient(layer, weight);
        JniUtils.setGradMode(false);

        PtNDArray output = layer.apply(Twice.of(leaf(input)), false);
        cuts.continueBackward();

        assertFalse(LibTorch.hasGradient(output));
        assertArrayEquals(new float[16 * 5 * 5], values.getGradient().toFloatArray(), 0f);
    }

    @Test
    void shouldRefuseAGradientOfAnotherShape() {
        PtNDArray input = images(new Shape(2, 16, 8, 8), true);
        PtNDArray gradient = images(new Shape(2, 16, 7, 8), true);

        assertThrows(
                IllegalArgumentException.class,
                () -> ConvolutionGradients.depthwiseWeight(
                        gradient, input, new Shape(3, 3), new Shape(1, 1), new Shape(1, 1)));
    }

    private Found run(Layer layer, PtNDArray weight, PtNDArray input) {
        return run(layer, weight, input, layerInput -> layer.apply(Twice.of((PtNDArray) layerInput), true));
    }

    private Found runHalf(Layer layer, PtNDArray weight, PtNDArray input) {
        return run(
                layer,
                weight,
                input,
                // As in the model, what comes in is of 16 bits already.
                layerInput -> AutocastMode.with(
                        DeviceType.CPU,
                        HalfType.BFLOAT16,
                        () -> layer.apply(Bfloat16Images.inAutocast((PtNDArray) layerInput), true)));
    }

    private Found run(Layer layer, PtNDArray weight, PtNDArray input, UnaryOperator<NDArray> forward) {
        PtNDArray values = withZeroGradient(layer, weight);
        PtNDArray leaf = leaf(input);
        NDArray zero = manager.zeros(new Shape(1));

        PtNDArray output = (PtNDArray) forward.apply(leaf).add(zero);
        backward(output);

        assertEquals(DataType.FLOAT32, output.getDataType());
        return new Found(output, leaf.getGradient(), values.getGradient());
    }

    /** The weight of a layer, which gets these values unless it has some. */
    private PtNDArray withZeroGradient(Layer layer, PtNDArray weight) {
        Parameter parameter = layer.getParameters().get(0).getValue();
        if (!parameter.isInitialized()) {
            parameter.setInitializer((owner, shape, type) -> weight.duplicate());
            parameter.initialize(manager, DataType.FLOAT32);
        }
        PtNDArray values = (PtNDArray) parameter.getArray();
        values.setRequiresGradient(true);
        JniUtils.backward(JniUtils.sum(values), (PtNDArray) manager.ones(new Shape()), false, false);
        values.getGradient().muli(0);
        return values;
    }

    private static PtNDArray leaf(PtNDArray input) {
        PtNDArray leaf = JniUtils.detachGradient(input);
        leaf.setRequiresGradient(true);
        return leaf;
    }

    private void backward(PtNDArray output) {
        PtNDArray slopes =
                (PtNDArray) manager.arange((float) output.size()).mod(7).sub(3).reshape(output.getShape());
        JniUtils.backward(output, slopes, false, false);
        cuts.continueBackward();
    }

    private static float[] sum(float[] first, float[] second) {
        float[] sum = first.clone();
        for (int i = 0; i < sum.length; i++) {
            sum[i] += second[i];
        }
        return sum;
    }

    private PtNDArray images(Shape shape, boolean channelsLast) {
        if (!channelsLast) {
            return (PtNDArray) manager.randomNormal(shape);
        }
        Shape byPixel = new Shape(shape.get(0), shape.get(2), shape.get(3), shape.get(1));
        return JniUtils.permute((PtNDArray) manager.randomNormal(byPixel), Layer.TO_NCHW);
    }

    /** Elementwise, relative to the largest of them: sums of many products cancel. */
    private static void assertClose(float[] expected, float[] found, double tolerance) {
        assertEquals(expected.length, found.length);
        double largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], found[i], tolerance * largest, "element " + i);
        }
    }
}

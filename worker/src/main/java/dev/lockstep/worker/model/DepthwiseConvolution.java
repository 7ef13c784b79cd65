package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.kernel.Depthwise;
import dev.lockstep.worker.kernel.Kernels;
import dev.lockstep.worker.libtorch.AutocastMode;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;
import dev.lockstep.worker.libtorch.AutocastMode.HalfType;
import dev.lockstep.worker.libtorch.ConvolutionGradients;

/**
 * {@code torch.nn.Conv2d} with as many groups as channels, 3 x 3 or 5 x 5, by steps of one or two. On the CPU autograd's graph is cut
 * here, because oneDNN's kernels for the gradients that autograd asks for are two to ten times slower than others that find the
 * same sums. Where they serve, those are Lockstep's own (docs/adr/0020); elsewhere (docs/adr/0008):
 *
 * <ul>
 *   <li>by the input: the convolution of the output's gradient by the filter turned around;
 *   <li>by the weight, five wide: see {@link FiveWideGradient}.
 * </ul>
 */
final class DepthwiseConvolution extends Layer {
    private static final int HEIGHT = 2;
    private static final int WIDTH = 3;

    private final int kernel;
    private final int stride;
    private final Shape strides;
    private final Convolution convolution;
    private final Parameter weight;
    private final GraphCuts cuts;
    private final Depthwise depthwise;

    /** @param cuts of the model that this is a layer of */
    DepthwiseConvolution(String name, int channels, int kernel, int stride, GraphCuts cuts) {
        this.kernel = kernel;
        this.stride = stride;
        this.strides = new Shape(stride, stride);
        this.convolution = addChildBlock(
                "convolution", new Convolution(name, channels, channels, kernel, stride, channels, false));
        this.weight = convolution.weight();
        this.cuts = cuts;
        this.depthwise = new Depthwise(kernel, stride);
    }

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        if (!GraphCuts.pay(input)) {
            return convolution.apply(input, training);
        }
        HalfType half = AutocastMode.type(DeviceType.CPU);
        PtNDArray read = JniUtils.detachGradient(input);
        try (PtNDArray filter = filter()) {
            PtNDArray output =
                    Kernels.fit(read) ? depthwise.convolve(read, filter) : convolution.convolve(read, filter, stride);
            cuts.cut(input, output, gradient -> finish(read, gradient, half));
            return GraphCuts.view(output);
        }
    }

    /**
     * Adds the gradient by the weight, and returns that by the input. The latter first: it fits where the output has just been, and
     * memory stays in one piece.
     */
    private PtNDArray finish(PtNDArray input, PtNDArray outputGradient, HalfType half) {
        try (input;
                outputGradient;
                PtNDArray sum = filterGradient()) {
            PtNDArray gradient = inputGradient(outputGradient, input, half);
            addWeightGradient(sum, outputGradient, input);
            return gradient;
        }
    }

    private PtNDArray inputGradient(PtNDArray outputGradient, PtNDArray input, HalfType half) {
        try (PtNDArray filter = filter()) {
            if (Kernels.fit(input)) {
                return depthwise.inputGradient(outputGradient, input, filter);
            }
            if (stride == 1) {
                return turnedAround(outputGradient, filter, half);
            }
            if (half == null) {
                return ConvolutionGradients.depthwiseInput(
                        outputGradient, input, filter, strides, convolution.padding());
            }
            // In 16 bits that has no fast kernel either.
            try (PtNDArray spread = spread(outputGradient, input.getShape())) {
                return turnedAround(spread, filter, half);
            }
        }
    }

    private void addWeightGradient(PtNDArray sum, PtNDArray outputGradient, PtNDArray input) {
        if (Kernels.fit(input)) {
            depthwise.addFilterGradient(sum, outputGradient, input);
            return;
        }
        if (kernel == FiveWideGradient.KERNEL) {
            new FiveWideGradient(stride).addTo(sum, outputGradient, input);
            return;
        }
        try (PtNDArray gradient = ConvolutionGradients.depthwiseWeight(
                outputGradient, input, new Shape(kernel, kernel), strides, convolution.padding())) {
            sum.addi(gradient);
        }
    }

    /** The convolution by the filter turned around, in the arithmetic of the forward pass. */
    private PtNDArray turnedAround(PtNDArray outputGradient, PtNDArray filter, HalfType half) {
        try (PtNDArray turned = JniUtils.flip(filter, new long[] {HEIGHT, WIDTH})) {
            return half == null
                    ? convolution.convolve(outputGradient, turned, 1)
                    : AutocastMode.with(DeviceType.CPU, half, () -> convolution.convolve(outputGradient, turned, 1));
        }
    }

    /** The gradient of each output where its filter's middle lay, and zeros elsewhere. */
    private PtNDArray spread(PtNDArray outputGradient, Shape input) {
        Shape shape = outputGradient.getShape();
        long rows = shape.get(HEIGHT);
        long columns = shape.get(WIDTH);
        long channels = shape.get(1);
        try (PtNDArray byPixel = JniUtils.permute(outputGradient, TO_NHWC);
                PtNDArray apart = JniUtils.reshape(byPixel, new long[] {shape.get(0), rows, 1, columns, 1, channels});
                PtNDArray padded = JniUtils.pad(apart, new long[] {0, 0, 0, stride - 1L, 0, 0, 0, stride - 1L}, 0);
                PtNDArray joined =
                        JniUtils.reshape(padded, new long[] {shape.get(0), rows * stride, columns * stride, channels});
                PtNDArray high = JniUtils.slice(joined, 1, 0, input.get(HEIGHT), 1);
                PtNDArray wide = JniUtils.slice(high, 2, 0, input.get(WIDTH), 1)) {
            return JniUtils.permute(wide, TO_NCHW);
        }
    }

    /** For who takes what is before this layer along. */
    Depthwise kernels() {
        return depthwise;
    }

    /** The weight's values, without history. */
    PtNDArray filter() {
        return JniUtils.detachGradient(values(weight));
    }

    /** The sum of the weight's gradients. */
    PtNDArray filterGradient() {
        return JniUtils.getGradient(values(weight));
    }

    @Override
    Shape outputShape(Shape input) {
        return convolution.outputShape(input);
    }
}

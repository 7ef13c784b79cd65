package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.libtorch.AutocastMode;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;
import dev.lockstep.worker.libtorch.ConvolutionGradients;

/**
 * {@code torch.nn.Conv2d} with as many groups as channels. On the CPU, oneDNN has no fast kernel for two of the gradients that
 * training needs, and takes one that is ten times slower: docs/adr/0008. They are found by other means, with the same sums:
 *
 * <ul>
 *   <li>by the weight, of kernels wider than three: left out of the graph, and added by {@link #finishBackward};
 *   <li>by the input, in 16 bits with a stride: the convolution runs without it, and every second output is taken.
 * </ul>
 */
final class DepthwiseConvolution extends Layer {
    private static final int WIDEST_FAST_KERNEL = 3;
    private static final Shape ONE = new Shape(1, 1);
    private static final long[] TO_NHWC = {0, 2, 3, 1};
    private static final long[] TO_NCHW = {0, 3, 1, 2};
    private static final int HEIGHT = 2;
    private static final int WIDTH = 3;

    private final Convolution convolution;
    private final int channels;
    private final int kernel;
    private final int stride;
    private final Parameter weight;
    private Pass pass;

    /**
     * What the last forward pass left to do.
     *
     * @param input [N, C, H, W]
     * @param output [N, OH, OW, C]: backward retains its gradient
     */
    private record Pass(PtNDArray input, PtNDArray output) {}

    DepthwiseConvolution(String name, int channels, int kernel, int stride) {
        this.channels = channels;
        this.kernel = kernel;
        this.stride = stride;
        this.convolution = addChildBlock(
                "convolution", new Convolution(name, channels, channels, kernel, stride, channels, false));
        this.weight = convolution.weight();
    }

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        boolean onCpu =
                ConvolutionGradients.areAvailable() && !input.getDevice().isGpu();
        boolean slowByInput = onCpu && stride > 1 && AutocastMode.isOn(DeviceType.CPU);
        boolean slowByWeight = onCpu && kernel > WIDEST_FAST_KERNEL;
        // An input without history leaves nothing to retain a gradient of.
        if ((!slowByInput && !slowByWeight) || !ConvolutionGradients.hasHistory(input)) {
            return convolution.apply(input, training);
        }
        try (PtNDArray output = slowByInput ? everySecond(convolve(input, 1)) : convolve(input, stride)) {
            // A retained gradient is copied into C order, which for these axes is the order it has already.
            PtNDArray byPixel = JniUtils.permute(output, TO_NHWC);
            ConvolutionGradients.retainGradient(byPixel);
            pass = new Pass(JniUtils.detachGradient(input), byPixel);
            return JniUtils.permute(byPixel, TO_NCHW);
        }
    }

    /** The convolution by a weight that autograd takes for a constant. */
    private PtNDArray convolve(PtNDArray input, int by) {
        Shape padding = new Shape((kernel - 1) / 2, (kernel - 1) / 2);
        try (PtNDArray constant = JniUtils.detachGradient(values(weight))) {
            return JniUtils.convolution(input, constant, null, new Shape(by, by), padding, ONE, channels);
        }
    }

    private PtNDArray everySecond(PtNDArray all) {
        try (all;
                PtNDArray rows = JniUtils.slice(all, HEIGHT, 0, all.getShape().get(HEIGHT), stride)) {
            return JniUtils.slice(rows, WIDTH, 0, rows.getShape().get(WIDTH), stride);
        }
    }

    @Override
    void finishBackward() {
        if (pass == null) {
            return;
        }
        Pass done = pass;
        pass = null;
        JniUtils.setGradMode(false);
        try (PtNDArray input = done.input;
                PtNDArray output = done.output;
                PtNDArray byPixel = JniUtils.getGradient(output);
                PtNDArray outputGradient = JniUtils.permute(byPixel, TO_NCHW);
                PtNDArray gradient = JniUtils.getGradient(values(weight))) {
            if (kernel > WIDEST_FAST_KERNEL) {
                new FiveWideGradient(stride).addTo(gradient, outputGradient, input);
            } else {
                Shape padding = new Shape((kernel - 1) / 2, (kernel - 1) / 2);
                try (PtNDArray found = ConvolutionGradients.depthwiseWeight(
                        outputGradient, input, new Shape(kernel, kernel), new Shape(stride, stride), padding)) {
                    gradient.addi(found);
                }
            }
        } finally {
            JniUtils.setGradMode(true);
        }
    }

    @Override
    Shape outputShape(Shape input) {
        return convolution.outputShape(input);
    }
}

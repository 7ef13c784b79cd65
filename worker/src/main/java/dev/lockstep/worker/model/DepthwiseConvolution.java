package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.libtorch.AutocastMode;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;
import dev.lockstep.worker.libtorch.ConvolutionGradients;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code torch.nn.Conv2d} with as many groups as channels. On the CPU, oneDNN has no fast kernel for two of the gradients that
 * training needs, and takes one that is up to ten times slower (docs/adr/0008). They are found by other means, with the same sums:
 *
 * <ul>
 *   <li>by the input, in 16 bits with a stride: the convolution runs without it, and every second output is taken;
 *   <li>by the weight, of kernels five wide and of the former: autograd takes the weight for a constant, and
 *       {@link #finishBackward} adds its gradient.
 * </ul>
 */
final class DepthwiseConvolution extends Layer {
    private static final long[] TO_NHWC = {0, 2, 3, 1};
    private static final long[] TO_NCHW = {0, 3, 1, 2};
    private static final int HEIGHT = 2;
    private static final int WIDTH = 3;

    private final int kernel;
    private final int stride;
    private final Convolution convolution;
    private final Parameter weight;
    /** Those that no backward has followed yet. */
    private final List<Pass> passes = new ArrayList<>();

    /**
     * A forward pass whose weight gradient is due once backward is through. It lives as long as its step's manager.
     *
     * @param input [N, C, H, W]
     * @param output [N, OH, OW, C]: backward retains its gradient
     */
    private record Pass(PtNDArray input, PtNDArray output) implements AutoCloseable {
        @Override
        public void close() {
            input.close();
            output.close();
        }
    }

    DepthwiseConvolution(String name, int channels, int kernel, int stride) {
        this.kernel = kernel;
        this.stride = stride;
        this.convolution = addChildBlock(
                "convolution", new Convolution(name, channels, channels, kernel, stride, channels, false));
        this.weight = convolution.weight();
    }

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        if (input.getDevice().isGpu()) {
            return convolution.apply(input, training);
        }
        boolean strideLater = stride > 1 && AutocastMode.isOn(DeviceType.CPU);
        boolean weightLater = (kernel == FiveWideGradient.KERNEL || strideLater)
                && ConvolutionGradients.areAvailable()
                // Without it backward does not come by here.
                && ConvolutionGradients.hasHistory(input);
        if (!weightLater) {
            return convolve(input, values(weight), strideLater);
        }
        try (PtNDArray constant = JniUtils.detachGradient(values(weight));
                PtNDArray output = convolve(input, constant, strideLater)) {
            // A retained gradient is copied into C order, which for these axes is the order it has already.
            PtNDArray byPixel = JniUtils.permute(output, TO_NHWC);
            ConvolutionGradients.retainGradient(byPixel);
            passes.add(new Pass(JniUtils.detachGradient(input), byPixel));
            return JniUtils.permute(byPixel, TO_NCHW);
        }
    }

    private PtNDArray convolve(PtNDArray input, PtNDArray filter, boolean strideLater) {
        if (!strideLater) {
            return convolution.convolve(input, filter, stride);
        }
        try (PtNDArray all = convolution.convolve(input, filter, 1);
                PtNDArray rows = JniUtils.slice(all, HEIGHT, 0, all.getShape().get(HEIGHT), stride)) {
            return JniUtils.slice(rows, WIDTH, 0, rows.getShape().get(WIDTH), stride);
        }
    }

    @Override
    void finishBackward() {
        for (Pass pass : passes) {
            // Released where no backward came in its step; without gradient where backward is still to come.
            PtNDArray byPixel = pass.output.isReleased() ? null : JniUtils.getGradient(pass.output);
            if (byPixel != null) {
                try (pass;
                        byPixel;
                        PtNDArray outputGradient = JniUtils.permute(byPixel, TO_NCHW)) {
                    addWeightGradient(pass.input, outputGradient);
                }
            }
        }
        passes.removeIf(pass -> pass.output.isReleased());
    }

    private void addWeightGradient(PtNDArray input, PtNDArray outputGradient) {
        try (PtNDArray sum = JniUtils.getGradient(values(weight))) {
            if (kernel == FiveWideGradient.KERNEL) {
                new FiveWideGradient(stride).addTo(sum, outputGradient, input);
                return;
            }
            Shape padding = new Shape((kernel - 1) / 2, (kernel - 1) / 2);
            try (PtNDArray gradient = ConvolutionGradients.depthwiseWeight(
                    outputGradient, input, new Shape(kernel, kernel), new Shape(stride, stride), padding)) {
                sum.addi(gradient);
            }
        }
    }

    @Override
    Shape outputShape(Shape input) {
        return convolution.outputShape(input);
    }
}

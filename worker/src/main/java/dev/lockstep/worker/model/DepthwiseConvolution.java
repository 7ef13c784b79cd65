package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.libtorch.AutocastMode;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;

/**
 * {@code torch.nn.Conv2d} with as many groups as channels. On the CPU, oneDNN has no fast kernel for its gradient by the input in 16
 * bits with a stride: there the convolution runs without it, and every second output is taken, which are the same sums (docs/adr/0008).
 */
final class DepthwiseConvolution extends Layer {
    private static final int HEIGHT = 2;
    private static final int WIDTH = 3;

    private final int stride;
    private final Convolution convolution;

    DepthwiseConvolution(String name, int channels, int kernel, int stride) {
        this.stride = stride;
        this.convolution = addChildBlock(
                "convolution", new Convolution(name, channels, channels, kernel, stride, channels, false));
    }

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        boolean slow = stride > 1 && !input.getDevice().isGpu() && AutocastMode.isOn(DeviceType.CPU);
        return slow ? everyOutputOf(convolution.applyWithoutStride(input)) : convolution.apply(input, training);
    }

    private PtNDArray everyOutputOf(PtNDArray all) {
        try (all;
                PtNDArray rows = JniUtils.slice(all, HEIGHT, 0, all.getShape().get(HEIGHT), stride)) {
            return JniUtils.slice(rows, WIDTH, 0, rows.getShape().get(WIDTH), stride);
        }
    }

    @Override
    Shape outputShape(Shape input) {
        return convolution.outputShape(input);
    }
}

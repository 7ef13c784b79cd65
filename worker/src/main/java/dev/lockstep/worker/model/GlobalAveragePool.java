package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.libtorch.AutocastMode;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;
import dev.lockstep.worker.libtorch.LibTorch;

/**
 * {@code torch.nn.AdaptiveAvgPool2d(1)}: [N, C, H, W] to [N, C, 1, 1]. Its gradient is one number for all pixels of a channel, and is added
 * to another gradient of the same image; what is fast there differs.
 */
final class GlobalAveragePool extends Layer {
    private static final long[] PIXELS = {2, 3};

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        return AutocastMode.isOn(DeviceType.CUDA) ? mean(input) : quotient(input);
    }

    /** As a sum and a division: their gradient is a view of one number a channel, and no memory is written for it. */
    private static PtNDArray quotient(PtNDArray input) {
        Shape shape = input.getShape();
        // Backward reads the count again: in memory of libtorch's own, for what DJL creates of Java values goes with
        // their buffer.
        try (PtNDArray sum = JniUtils.sum(input, PIXELS, true);
                PtNDArray count =
                        (PtNDArray) input.getManager().full(new Shape(), (float) (shape.get(2) * shape.get(3)))) {
            return JniUtils.div(sum, count);
        }
    }

    /**
     * As the mean over an axis of all pixels: its gradient is an image in the input's own memory order. Autocast makes a sum float32 on a
     * GPU, and then its gradient is written in 16 bits in another order, which is slow to add. A mean it leaves alone, as torchvision's.
     */
    static PtNDArray mean(PtNDArray input) {
        Shape shape = input.getShape();
        long samples = shape.get(0);
        long channels = shape.get(1);
        long pixels = shape.get(2) * shape.get(3);
        long[] means = {samples, channels, 1, 1};
        if (!LibTorch.isChannelsLast(input)) {
            try (PtNDArray flat = JniUtils.reshape(input, new long[] {samples, channels, pixels});
                    PtNDArray mean = JniUtils.mean(flat, 2, true)) {
                return JniUtils.reshape(mean, means);
            }
        }
        try (PtNDArray byPixel = JniUtils.permute(input, TO_NHWC);
                PtNDArray flat = JniUtils.reshape(byPixel, new long[] {samples, pixels, channels});
                PtNDArray mean = JniUtils.mean(flat, 1, true)) {
            return JniUtils.reshape(mean, means);
        }
    }

    @Override
    Shape outputShape(Shape input) {
        return new Shape(input.get(0), input.get(1), 1, 1);
    }
}

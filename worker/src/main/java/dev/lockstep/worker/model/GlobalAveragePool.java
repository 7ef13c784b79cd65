package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;

/**
 * {@code torch.nn.AdaptiveAvgPool2d(1)}: [N, C, H, W] to [N, C, 1, 1]. As a sum and a division, whose gradient is a view of one number a
 * channel; the mean's is a whole image of them.
 */
final class GlobalAveragePool extends Layer {
    private static final long[] PIXELS = {2, 3};

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        Shape shape = input.getShape();
        // Backward reads the count again: in memory of libtorch's own, for what DJL creates of Java values goes with
        // their buffer.
        try (PtNDArray sum = JniUtils.sum(input, PIXELS, true);
                PtNDArray count =
                        (PtNDArray) input.getManager().full(new Shape(), (float) (shape.get(2) * shape.get(3)))) {
            return JniUtils.div(sum, count);
        }
    }

    @Override
    Shape outputShape(Shape input) {
        return new Shape(input.get(0), input.get(1), 1, 1);
    }
}

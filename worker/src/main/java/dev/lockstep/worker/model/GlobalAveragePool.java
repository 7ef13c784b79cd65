package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;

/** {@code torch.nn.AdaptiveAvgPool2d(1)}: [N, C, H, W] to [N, C, 1, 1]. */
final class GlobalAveragePool extends Layer {
    private static final Shape ONE_PIXEL = new Shape(1, 1);

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        return JniUtils.adaptiveAvgPool(input, ONE_PIXEL);
    }

    @Override
    Shape outputShape(Shape input) {
        return new Shape(input.get(0), input.get(1), 1, 1);
    }
}

package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;

/** [N, C, 1, 1] to [N, C]. */
final class Flatten extends Layer {
    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        return JniUtils.flatten(input, 1, -1);
    }

    @Override
    Shape outputShape(Shape input) {
        return new Shape(input.get(0), input.get(1));
    }
}

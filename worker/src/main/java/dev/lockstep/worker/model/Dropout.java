package dev.lockstep.worker.model;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;

/** {@code torch.nn.Dropout}. A probability of 0 has no layer at all. */
final class Dropout extends Layer {
    private final double probability;

    Dropout(double probability) {
        this.probability = probability;
    }

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        return JniUtils.dropout(input, probability, training);
    }
}

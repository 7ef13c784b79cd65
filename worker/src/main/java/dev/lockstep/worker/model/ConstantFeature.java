package dev.lockstep.worker.model;

import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;

/** One feature per sample, always 1, whatever the input: [N, ...] to [N, 1]. It does not read the input. */
final class ConstantFeature extends Layer {
    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        return (PtNDArray) input.getManager().ones(outputShape(input.getShape()), DataType.FLOAT32);
    }

    @Override
    Shape outputShape(Shape input) {
        return new Shape(input.get(0), 1);
    }
}

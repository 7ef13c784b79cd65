package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import java.util.ArrayList;
import java.util.List;

/** Layers one after the other. What lies between two of them is closed as soon as the next has read it, as in torch. */
class Sequential extends Layer {
    private final List<Layer> layers = new ArrayList<>();

    final void add(Layer layer) {
        layers.add(addChildBlock(layer.getClass().getSimpleName(), layer));
    }

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        PtNDArray current = layers.get(0).apply(input, training);
        for (Layer layer : layers.subList(1, layers.size())) {
            try (PtNDArray read = current) {
                current = layer.apply(read, training);
            }
        }
        return current;
    }

    @Override
    Shape outputShape(Shape input) {
        Shape shape = input;
        for (Layer layer : layers) {
            shape = layer.outputShape(shape);
        }
        return shape;
    }
}

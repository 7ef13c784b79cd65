package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.initializer.Initializer;

/** {@code torch.nn.Linear} as torchvision's EfficientNet initialises it: [N, inputs] to [N, outputs]. */
final class Linear extends Layer {
    private final int outputs;
    private final Parameter weight;
    private final Parameter bias;

    Linear(String name, int inputs, int outputs) {
        this.outputs = outputs;
        float bound = (float) (1.0 / Math.sqrt(outputs));
        this.weight = declare(
                name + ".weight",
                Parameter.Type.WEIGHT,
                new Shape(outputs, inputs),
                true,
                (manager, shape, type) -> manager.randomUniform(-bound, bound, shape, type));
        this.bias = declare(name + ".bias", Parameter.Type.BIAS, new Shape(outputs), true, Initializer.ZEROS);
    }

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        return JniUtils.linear(input, values(weight), values(bias));
    }

    @Override
    Shape outputShape(Shape input) {
        return new Shape(input.get(0), outputs);
    }
}

package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.initializer.Initializer;

/** {@code torch.nn.Conv2d} with a square kernel and the padding that keeps the size at stride 1. */
final class Convolution extends Layer {
    private static final Shape DILATION = new Shape(1, 1);

    private final int outputChannels;
    private final int stride;
    private final int groups;
    private final Shape padding;
    private final Parameter weight;
    private final Parameter bias;

    Convolution(
            String name, int inputChannels, int outputChannels, int kernel, int stride, int groups, boolean hasBias) {
        this.outputChannels = outputChannels;
        this.stride = stride;
        this.groups = groups;
        this.padding = new Shape((kernel - 1) / 2, (kernel - 1) / 2);
        Shape shape = new Shape(outputChannels, inputChannels / groups, kernel, kernel);
        this.weight = declare(
                name + ".weight", Parameter.Type.WEIGHT, shape, true, kaimingFanOut(outputChannels * kernel * kernel));
        this.bias = hasBias
                ? declare(name + ".bias", Parameter.Type.BIAS, new Shape(outputChannels), true, Initializer.ZEROS)
                : null;
    }

    /** Normal with variance 2 / fan-out; torch's fan-out does not divide by the groups. */
    private static Initializer kaimingFanOut(int fanOut) {
        float deviation = (float) Math.sqrt(2.0 / fanOut);
        return (manager, shape, type) -> manager.randomNormal(0f, deviation, shape, type);
    }

    Parameter weight() {
        return weight;
    }

    /** Above and below, left and right. */
    Shape padding() {
        return padding;
    }

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        return convolve(input, values(weight), stride);
    }

    /** The same convolution by another filter of the weight's shape, at every {@code step}-th place. */
    PtNDArray convolve(PtNDArray input, PtNDArray filter, int step) {
        PtNDArray offset = bias == null ? null : values(bias);
        return JniUtils.convolution(input, filter, offset, new Shape(step, step), padding, DILATION, groups);
    }

    @Override
    Shape outputShape(Shape input) {
        return new Shape(
                input.get(0), outputChannels, (input.get(2) - 1) / stride + 1, (input.get(3) - 1) / stride + 1);
    }
}

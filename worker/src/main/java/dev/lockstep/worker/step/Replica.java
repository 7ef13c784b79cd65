package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.initializer.Initializer;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.worker.libtorch.LibTorch;
import dev.lockstep.worker.model.EfficientNet;
import dev.lockstep.worker.precision.Arithmetic;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A model whose parameters, gradients and running statistics are views of flat memory. Autograd adds each gradient straight into
 * its place.
 *
 * <p>Its tensors go when the manager it was made with is closed; the memory they lie in must outlive that.
 */
final class Replica {
    private final EfficientNet model;
    private final Arithmetic arithmetic;
    private final FlatTensor parameters;
    private final FlatTensor gradients;
    private final FlatTensor buffers;
    private long forwardPasses;

    private Replica(
            EfficientNet model,
            Arithmetic arithmetic,
            FlatTensor parameters,
            FlatTensor gradients,
            FlatTensor buffers) {
        this.model = model;
        this.arithmetic = arithmetic;
        this.parameters = parameters;
        this.gradients = gradients;
        this.buffers = buffers;
    }

    /** A replica in memory of its own, with initial values. */
    static Replica inPrivateMemory(NDManager manager, ModelSpec spec, Arithmetic arithmetic) {
        EfficientNet model = EfficientNet.create(spec);
        FlatLayout layout = FlatLayout.of(model.trainable());
        FlatTensor buffers = FlatTensor.allocate(manager, FlatLayout.of(model.runningStatistics()));
        Replica replica = new Replica(
                model, arithmetic, FlatTensor.allocate(manager, layout), FlatTensor.allocate(manager, layout), buffers);
        replica.bind(manager, true);
        return replica;
    }

    /**
     * A replica whose parameters are the segment's and whose gradients are its rank's there. Rank 0 writes initial values; the
     * others leave the parameters alone.
     *
     * @throws IOException if the segment cannot be mapped
     */
    static Replica inSegment(NDManager manager, ModelSpec spec, Arithmetic arithmetic, Segment segment, int rank)
            throws IOException {
        EfficientNet model = EfficientNet.create(spec);
        FlatLayout layout = FlatLayout.of(model.trainable());
        FlatLayout bufferLayout = FlatLayout.of(model.runningStatistics());
        if (layout.floats() != segment.layout().flatParameters()
                || bufferLayout.floats() != segment.layout().flatBuffers()) {
            throw new IllegalStateException("the segment's layout is not that of " + spec.name() + ": "
                    + segment.layout() + " for " + layout.floats() + " and " + bufferLayout.floats() + " floats");
        }
        Replica replica = new Replica(
                model,
                arithmetic,
                FlatTensor.over(manager, layout, segment.parameters()),
                FlatTensor.over(manager, layout, segment.gradients(rank)),
                FlatTensor.allocate(manager, bufferLayout));
        replica.bind(manager, rank == 0);
        return replica;
    }

    private void bind(NDManager manager, boolean initialise) {
        for (Parameter parameter : model.trainable()) {
            bind(manager, parameter, parameters, initialise);
            aliasGradient(parameter);
        }
        for (Parameter statistic : model.runningStatistics()) {
            bind(manager, statistic, buffers, initialise);
        }
        zeroGradients();
    }

    private static void bind(NDManager manager, Parameter parameter, FlatTensor flat, boolean initialise) {
        if (initialise) {
            Initializer initializer = parameter.getInitializer();
            try (NDArray initial = initializer.initialize(manager, parameter.getShape(), DataType.FLOAT32)) {
                flat.bytes(parameter.getName()).put(initial.toByteBuffer(true));
            }
        }
        NDArray view = flat.view(manager, parameter.getName());
        parameter.setInitializer((owner, shape, type) -> view);
        parameter.initialize(manager, DataType.FLOAT32);
    }

    /** Autograd makes a gradient in the first backward; from then on it adds to it in place, so it can be moved once. */
    private void aliasGradient(Parameter parameter) {
        PtNDArray array = (PtNDArray) parameter.getArray();
        try (PtNDArray sum = JniUtils.sum(array);
                NDArray one = array.getManager().ones(new Shape())) {
            JniUtils.backward(sum, (PtNDArray) one, false, false);
            try (NDArray gradient = array.getGradient();
                    NDArray place = gradients.view(array.getManager(), parameter.getName())) {
                LibTorch.alias(gradient, place);
            }
        }
    }

    /** Logits [N, classes] of images [N, 3, H, W], float32, attached to the images' manager, with their history. */
    NDArray forward(NDArray images) {
        forwardPasses++;
        return arithmetic.forward(model::logits, images);
    }

    /** Adds the gradients of the last forward pass's {@code output}, weighted by {@code gradient}, to the flat gradients. */
    void backward(NDArray output, NDArray gradient) {
        JniUtils.backward((PtNDArray) output, (PtNDArray) gradient, false, false);
        model.completeGradients();
    }

    void zeroGradients() {
        LibTorch.zero(gradients.array());
    }

    /** How often the model has run, and its batch norms have seen a batch. */
    long forwardPasses() {
        return forwardPasses;
    }

    EfficientNet model() {
        return model;
    }

    FlatTensor parameters() {
        return parameters;
    }

    FlatTensor gradients() {
        return gradients;
    }

    FlatTensor buffers() {
        return buffers;
    }

    /** Writes parameters or running statistics by their torchvision name. */
    void write(String name, float[] values) {
        (parameters.layout().places().containsKey(name) ? parameters : buffers).write(name, values);
    }

    /** The flat parameters' bytes from their first to their last. */
    ByteBuffer parameterBytes() {
        return parameters.bytes().duplicate().rewind();
    }
}

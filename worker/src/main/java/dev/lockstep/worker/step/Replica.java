package dev.lockstep.worker.step;

import ai.djl.Device;
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
import java.util.List;
import java.util.zip.CRC32C;

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

    /** A replica in memory of the manager's device, with initial values: those that a replica of the same seed has on the CPU. */
    static Replica onDevice(NDManager manager, ModelSpec spec, Arithmetic arithmetic) {
        EfficientNet model = EfficientNet.create(spec);
        FlatLayout layout = FlatLayout.of(model.trainable());
        Replica replica = new Replica(
                model,
                arithmetic,
                FlatTensor.onDevice(manager, layout),
                FlatTensor.onDevice(manager, layout),
                FlatTensor.onDevice(manager, FlatLayout.of(model.runningStatistics())));
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
        if (initialise) {
            initialise(manager, model.trainable(), parameters);
            initialise(manager, model.runningStatistics(), buffers);
        }
        for (Parameter parameter : model.trainable()) {
            bind(manager, parameter, parameters);
            aliasGradient(parameter);
        }
        for (Parameter statistic : model.runningStatistics()) {
            bind(manager, statistic, buffers);
        }
        zeroGradients();
    }

    /** Draws on the CPU wherever the replica is, because a GPU's generator draws other numbers from the same seed. */
    private static void initialise(NDManager parent, List<Parameter> tensors, FlatTensor flat) {
        try (NDManager host = parent.newSubManager(Device.cpu())) {
            FlatTensor values = flat.onHost(host);
            for (Parameter tensor : tensors) {
                Initializer initializer = tensor.getInitializer();
                try (NDArray initial = initializer.initialize(host, tensor.getShape(), DataType.FLOAT32)) {
                    values.bytes(tensor.getName()).put(initial.toByteBuffer(true));
                }
            }
            flat.set(values);
        }
    }

    private static void bind(NDManager manager, Parameter parameter, FlatTensor flat) {
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
        countForwardPass();
        return arithmetic.forward(model::logits, images);
    }

    /** Adds the gradients of the last forward pass's {@code output}, weighted by {@code gradient}, to the flat gradients. */
    void backward(NDArray output, NDArray gradient) {
        JniUtils.backward((PtNDArray) output, (PtNDArray) gradient, false, false);
    }

    void zeroGradients() {
        LibTorch.zero(gradients.array());
    }

    /** For a pass that ran without {@link #forward}. */
    void countForwardPass() {
        forwardPasses++;
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

    /** CRC-32C over the flat parameters' bytes from their first to their last. */
    long parameterChecksum() {
        CRC32C checksum = new CRC32C();
        try (NDManager manager = parameters.array().getManager().newSubManager()) {
            checksum.update(parameters.onHost(manager).bytes().duplicate().rewind());
        }
        return checksum.getValue();
    }
}

package dev.lockstep.worker.model;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.Initializer;
import ai.djl.util.PairList;

/**
 * A block from one array to one array: [N, C, H, W] unless it says otherwise. Its parameters carry their full names in torchvision's
 * state_dict. Layers call each other by {@link #apply}; DJL's {@code forward} leads there too.
 */
abstract class Layer extends AbstractBlock {
    /** Axes of [N, C, H, W] in the order [N, H, W, C], and back. */
    static final long[] TO_NHWC = {0, 2, 3, 1};

    static final long[] TO_NCHW = {0, 3, 1, 2};

    /** The output, attached to the input's manager. The input stays open: whoever made it closes it. */
    abstract PtNDArray apply(PtNDArray input, boolean training);

    /** The output's shape for an input's; the same unless a layer says otherwise. */
    Shape outputShape(Shape input) {
        return input;
    }

    /** Declares a tensor of the state_dict; it has no values until a replica gives it some. */
    final Parameter declare(String name, Parameter.Type type, Shape shape, boolean trainable, Initializer initializer) {
        return addParameter(Parameter.builder()
                .setName(name)
                .setType(type)
                .optShape(shape)
                .optRequiresGrad(trainable)
                .optInitializer(initializer)
                .build());
    }

    static PtNDArray values(Parameter parameter) {
        return (PtNDArray) parameter.getArray();
    }

    @Override
    protected final NDList forwardInternal(
            ParameterStore parameterStore, NDList inputs, boolean training, PairList<String, Object> arguments) {
        return new NDList(apply((PtNDArray) inputs.singletonOrThrow(), training));
    }

    @Override
    public final Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {outputShape(inputShapes[0])};
    }

    @Override
    public final void initializeChildBlocks(NDManager manager, DataType dataType, Shape... inputShapes) {
        for (var child : children.values()) {
            child.initialize(manager, dataType, inputShapes);
        }
    }
}

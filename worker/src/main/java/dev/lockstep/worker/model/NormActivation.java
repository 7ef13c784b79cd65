package dev.lockstep.worker.model;

import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.kernel.Kernels;
import dev.lockstep.worker.kernel.NormSilu;
import dev.lockstep.worker.libtorch.LibTorch;

/**
 * Batch norm, {@code torch.nn.SiLU}, and squeeze-and-excitation if there is one. Where the processor has what they need, kernels do all of it
 * in half as many passes over the memory as libtorch's operators (docs/adr/0019); autograd's graph is cut there. They turn the output's
 * gradient into the input's in place: what reads the output must be an operator whose gradient is an array of its own.
 */
final class NormActivation extends Layer {
    private final BatchNormalization norm;
    private final SqueezeExcitation squeeze;
    private final GraphCuts cuts;

    /**
     * @param squeeze null for none
     * @param cuts of the model that this is a layer of
     */
    NormActivation(BatchNormalization norm, SqueezeExcitation squeeze, GraphCuts cuts) {
        this.norm = addChildBlock("norm", norm);
        this.squeeze = squeeze == null ? null : addChildBlock("squeeze", squeeze);
        this.cuts = cuts;
    }

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        if (training && GraphCuts.pay(input) && Kernels.fit(input)) {
            return squeeze == null ? activated(input) : squeezed(input);
        }
        try (PtNDArray normalized = norm.apply(input, training)) {
            PtNDArray activated = LibTorch.silu(normalized);
            if (squeeze == null) {
                return activated;
            }
            try (activated) {
                return squeeze.apply(activated, training);
            }
        }
    }

    private PtNDArray activated(PtNDArray input) {
        NormSilu normSilu = norm.withSilu(input);
        PtNDArray output = LibTorch.emptyLike(input);
        normSilu.forward(output);
        cuts.cut(input, output, gradient -> {
            try (normSilu) {
                norm.backward(normSilu, gradient);
            }
            return gradient;
        });
        return GraphCuts.view(output);
    }

    private PtNDArray squeezed(PtNDArray input) {
        NormSilu normSilu = norm.withSilu(input);
        PtNDArray output = LibTorch.emptyLike(input);
        normSilu.forward(output);
        PtNDArray means = emptyMeans(input);
        normSilu.outputMeans(means);
        means.setRequiresGradient(true);
        PtNDArray excited = squeeze.excited(means, true);
        PtNDArray scale = sigmoid(excited);
        JniUtils.muli(output, scale);
        cuts.cut(input, output, gradient -> {
            try (normSilu;
                    means;
                    excited;
                    scale) {
                exciteBackward(normSilu, gradient, scale, excited);
                try (PtNDArray ofMeans = JniUtils.getGradient(means)) {
                    Shape shape = gradient.getShape();
                    norm.backwardScaled(normSilu, gradient, scale, ofMeans.divi(shape.get(2) * shape.get(3)));
                }
            }
            return gradient;
        });
        return GraphCuts.view(output);
    }

    private static PtNDArray sigmoid(PtNDArray excited) {
        try (PtNDArray values = JniUtils.detachGradient(excited)) {
            return JniUtils.sigmoid(values);
        }
    }

    /** With y scaled by s = sigmoid(e), the gradient by e is sum(g y) s (1 - s). */
    private static void exciteBackward(NormSilu normSilu, PtNDArray gradient, PtNDArray scale, PtNDArray excited) {
        try (PtNDArray sums = emptyMeans(gradient)) {
            normSilu.sumProducts(gradient, sums);
            JniUtils.muli(sums, scale);
            // Not by 1 - s, which bfloat16 would round.
            try (PtNDArray subtrahend = JniUtils.mul(sums, scale)) {
                JniUtils.subi(sums, subtrahend);
            }
            JniUtils.backward(excited, sums, false, false);
        }
    }

    private static PtNDArray emptyMeans(PtNDArray images) {
        Shape shape = images.getShape();
        return images.getManager().create(new Shape(shape.get(0), shape.get(1), 1, 1), DataType.FLOAT32);
    }
}

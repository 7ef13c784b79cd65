package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;

/** torchvision's {@code MBConv}: expand, depthwise, squeeze-and-excite, project; with a residual where the shapes allow it. */
final class InvertedBottleneck extends Layer {
    private static final int SQUEEZE_DIVISOR = 4;

    private final Sequential block = new Sequential();
    private final boolean residual;
    private final double depthProbability;
    private final GraphCuts cuts;

    InvertedBottleneck(
            String name,
            EfficientNetVariant variant,
            Stage stage,
            int inputChannels,
            int outputChannels,
            int stride,
            double depthProbability,
            GraphCuts cuts) {
        int expanded = EfficientNetVariant.roundChannels((double) inputChannels * stage.expandRatio());
        boolean expands = expanded != inputChannels;
        int index = expands ? 1 : 0;
        String expansion = name + ".block.0";
        String depthwise = name + ".block." + index;
        DepthwiseConvolution convolution =
                new DepthwiseConvolution(depthwise + ".0", expanded, stage.kernel(), stride, cuts);
        block.add(
                expands
                        ? new ExpandedDepthwise(
                                new Convolution(expansion + ".0", inputChannels, expanded, 1, 1, 1, false),
                                new BatchNormalization(expansion + ".1", expanded, variant),
                                convolution,
                                cuts)
                        : convolution);
        SqueezeExcitation squeeze = new SqueezeExcitation(
                name + ".block." + (index + 1), expanded, Math.max(1, inputChannels / SQUEEZE_DIVISOR));
        String projection = name + ".block." + (index + 2);
        block.add(new SqueezedProjection(
                new BatchNormalization(depthwise + ".1", expanded, variant),
                squeeze,
                new Convolution(projection + ".0", expanded, outputChannels, 1, 1, 1, false),
                cuts));
        block.add(new BatchNormalization(projection + ".1", outputChannels, variant));
        this.cuts = cuts;
        residual = stride == 1 && inputChannels == outputChannels;
        this.depthProbability = residual ? depthProbability : 0;
        if (this.depthProbability > 0) {
            block.add(new StochasticDepth(depthProbability));
        }
        addChildBlock("block", block);
    }

    /** How often the residual branch of a sample is dropped; 0 where there is no residual. */
    double depthProbability() {
        return depthProbability;
    }

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        if (!residual) {
            return block.apply(input, training);
        }
        // Backward comes back to the input twice, at once and from a cut within the block: only then may it go on from
        // here.
        PtNDArray leaf = GraphCuts.pay(input) ? cutAt(input) : input;
        try (PtNDArray result = block.apply(leaf, training)) {
            return JniUtils.add(result, leaf);
        }
    }

    private PtNDArray cutAt(PtNDArray input) {
        PtNDArray leaf = JniUtils.detachGradient(input);
        cuts.cut(input, leaf, gradient -> gradient);
        return leaf;
    }

    @Override
    Shape outputShape(Shape input) {
        return block.outputShape(input);
    }
}

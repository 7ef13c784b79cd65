package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;

/** torchvision's {@code MBConv}: expand, depthwise, squeeze-and-excite, project; with a residual where the shapes allow it. */
final class InvertedBottleneck extends Layer {
    private static final int SQUEEZE_DIVISOR = 4;

    private final Layer depthwise;
    private final SqueezedProjection projection;
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
        String filter = name + ".block." + index;
        DepthwiseConvolution convolution =
                new DepthwiseConvolution(filter + ".0", expanded, stage.kernel(), stride, cuts);
        depthwise = addChildBlock(
                "depthwise",
                expands
                        ? new ExpandedDepthwise(
                                new Convolution(expansion + ".0", inputChannels, expanded, 1, 1, 1, false),
                                new BatchNormalization(expansion + ".1", expanded, variant),
                                convolution,
                                cuts)
                        : convolution);
        SqueezeExcitation squeeze = new SqueezeExcitation(
                name + ".block." + (index + 1), expanded, Math.max(1, inputChannels / SQUEEZE_DIVISOR));
        String last = name + ".block." + (index + 2);
        residual = stride == 1 && inputChannels == outputChannels;
        this.depthProbability = residual ? depthProbability : 0;
        projection = addChildBlock(
                "projection",
                new SqueezedProjection(
                        new BatchNormalization(filter + ".1", expanded, variant),
                        squeeze,
                        new Convolution(last + ".0", expanded, outputChannels, 1, 1, 1, false),
                        new ResidualNorm(
                                new BatchNormalization(last + ".1", outputChannels, variant),
                                this.depthProbability,
                                cuts),
                        cuts));
        this.cuts = cuts;
    }

    /** How often the residual branch of a sample is dropped; 0 where there is no residual. */
    double depthProbability() {
        return depthProbability;
    }

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        if (!residual) {
            return apply(input, null, training);
        }
        Residual branched = Residual.of(input, cuts);
        return apply(branched.values(), branched, training);
    }

    private PtNDArray apply(PtNDArray input, Residual branched, boolean training) {
        try (PtNDArray convolved = depthwise.apply(input, training)) {
            return projection.apply(convolved, branched, training);
        }
    }

    @Override
    Shape outputShape(Shape input) {
        return projection.outputShape(depthwise.outputShape(input));
    }
}

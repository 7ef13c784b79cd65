package dev.lockstep.worker.model;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.engine.PtNDArray;
import dev.lockstep.common.plan.ModelSpec;
import java.util.List;

/** torchvision's EfficientNet: [N, 3, H, W] to logits [N, classes]. */
public final class EfficientNet extends Sequential {
    private static final int STEM_KERNEL = 3;
    private static final int STEM_STRIDE = 2;
    private static final int HEAD_FACTOR = 4;

    private final GraphCuts cuts = new GraphCuts();

    private EfficientNet() {}

    /**
     * Lays out the model; its tensors have no values yet.
     *
     * @throws dev.lockstep.common.failure.LockstepException if there is no model of that name
     */
    public static EfficientNet create(ModelSpec spec) {
        EfficientNetVariant variant = EfficientNetVariant.named(spec.name());
        double dropout = spec.dropout() != null ? spec.dropout() : variant.dropout();
        double depth = spec.stochasticDepth() != null ? spec.stochasticDepth() : variant.stochasticDepth();
        EfficientNet model = new EfficientNet();
        List<Stage> stages = variant.stages();
        int headChannels = stages.isEmpty() ? model.addConstant() : model.addFeatures(variant, stages, depth);
        if (dropout > 0) {
            model.add(new Dropout(dropout));
        }
        model.add(new Linear("classifier.1", headChannels, spec.classes()));
        return model;
    }

    private int addConstant() {
        add(new ConstantFeature());
        return 1;
    }

    /** Adds all up to the head, and returns how many features that has to work with. */
    private int addFeatures(EfficientNetVariant variant, List<Stage> stages, double depth) {
        int channels = variant.channels(stages.get(0).inputChannels());
        add(new ConvolutionNormActivation(
                "features.0", variant, ModelSpec.CHANNELS, channels, STEM_KERNEL, STEM_STRIDE, cuts));
        int allBlocks = stages.stream()
                .mapToInt(stage -> variant.blocks(stage.blocks()))
                .sum();
        int block = 0;
        for (int s = 0; s < stages.size(); s++) {
            Stage stage = stages.get(s);
            int outputChannels = variant.channels(stage.outputChannels());
            for (int b = 0; b < variant.blocks(stage.blocks()); b++) {
                add(new InvertedBottleneck(
                        "features." + (s + 1) + "." + b,
                        variant,
                        stage,
                        channels,
                        outputChannels,
                        b == 0 ? stage.stride() : 1,
                        depth * block / allBlocks,
                        cuts));
                channels = outputChannels;
                block++;
            }
        }
        int headChannels = HEAD_FACTOR * channels;
        add(new ConvolutionNormActivation(
                "features." + (stages.size() + 1), variant, channels, headChannels, 1, 1, cuts));
        add(new GlobalAveragePool());
        add(new Flatten());
        return headChannels;
    }

    /**
     * Logits [N, classes] of images [N, 3, H, W] in training mode, attached to the images' manager. Updates the running statistics.
     */
    public NDArray logits(NDArray images) {
        return apply((PtNDArray) images, true);
    }

    /** Carries a backward of the logits on where layers have cut autograd's graph. To be called after every one. */
    public void continueBackward() {
        cuts.continueBackward();
    }

    /** The trainable tensors in torchvision's order. */
    public List<Parameter> trainable() {
        return getParameters().values().stream()
                .filter(Parameter::requiresGradient)
                .toList();
    }

    /** The running statistics in torchvision's order. */
    public List<Parameter> runningStatistics() {
        return getParameters().values().stream()
                .filter(parameter -> !parameter.requiresGradient())
                .toList();
    }
}

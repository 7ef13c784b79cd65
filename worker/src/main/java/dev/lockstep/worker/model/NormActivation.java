package dev.lockstep.worker.model;

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
        Excitation excitation = new Excitation(squeeze, normSilu, input);
        JniUtils.muli(output, excitation.scale());
        cuts.cut(input, output, gradient -> {
            try (normSilu;
                    excitation) {
                normSilu.sumProducts(gradient);
                excitation.backward(norm, gradient);
            }
            return gradient;
        });
        return GraphCuts.view(output);
    }
}

package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.kernel.Expansion;
import dev.lockstep.worker.kernel.Kernels;
import dev.lockstep.worker.kernel.NormSilu;
import dev.lockstep.worker.kernel.NormSiluDepthwise;

/**
 * A 1 x 1 convolution to more channels, batch norm, {@code torch.nn.SiLU} and a depthwise convolution. Where kernels serve them, they go through the
 * images together, some rows at a time (docs/adr/0024), and autograd's graph is cut there: from few channels all of them, from many, whose
 * convolution oneDNN does as well, what comes after it.
 */
final class ExpandedDepthwise extends Layer {
    private final Convolution expansion;
    private final Parameter weight;
    private final BatchNormalization norm;
    private final NormActivation activation;
    private final DepthwiseConvolution depthwise;
    private final GraphCuts cuts;

    /** @param cuts of the model that this is a layer of */
    ExpandedDepthwise(Convolution expansion, BatchNormalization norm, DepthwiseConvolution depthwise, GraphCuts cuts) {
        this.expansion = addChildBlock("expansion", expansion);
        this.weight = expansion.weight();
        this.norm = norm;
        this.activation = addChildBlock("activation", new NormActivation(norm, null, cuts));
        this.depthwise = addChildBlock("depthwise", depthwise);
        this.cuts = cuts;
    }

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        if (training && GraphCuts.pay(input) && Expansion.fits(input)) {
            return allTogether(input);
        }
        try (PtNDArray expanded = expansion.apply(input, training)) {
            if (training && GraphCuts.pay(expanded) && Kernels.fit(expanded)) {
                return together(expanded);
            }
            try (PtNDArray activated = activation.apply(expanded, training)) {
                return depthwise.apply(activated, training);
            }
        }
    }

    private PtNDArray together(PtNDArray expanded) {
        NormSilu normSilu = norm.withSilu(expanded);
        NormSiluDepthwise kernels = new NormSiluDepthwise(normSilu, depthwise.kernels());
        PtNDArray output = convolved(kernels);
        cuts.cut(expanded, output, gradient -> {
            try (normSilu) {
                PtNDArray activationGradient = activationGradient(kernels, gradient);
                norm.addGradients(normSilu);
                normSilu.finishBackward(activationGradient);
                return activationGradient;
            }
        });
        return GraphCuts.view(output);
    }

    private PtNDArray allTogether(PtNDArray input) {
        Expansion kernel = new Expansion(JniUtils.detachGradient(input), values(weight));
        NormSilu normSilu = norm.withSilu(kernel);
        NormSiluDepthwise kernels = new NormSiluDepthwise(normSilu, depthwise.kernels());
        PtNDArray output = convolved(kernels);
        cuts.cut(input, output, gradient -> {
            try (kernel;
                    normSilu;
                    gradient;
                    PtNDArray filter = depthwise.filter();
                    PtNDArray filterGradient = depthwise.filterGradient();
                    PtNDArray weightGradient = JniUtils.getGradient(values(weight))) {
                return kernels.backward(
                        kernel, gradient, filter, filterGradient, weightGradient, () -> norm.addGradients(normSilu));
            }
        });
        return GraphCuts.view(output);
    }

    private PtNDArray convolved(NormSiluDepthwise kernels) {
        try (PtNDArray filter = depthwise.filter()) {
            return kernels.forward(filter);
        }
    }

    /** Adds the gradient by the filter, and closes that by the output, whose memory others can then have. */
    private PtNDArray activationGradient(NormSiluDepthwise kernels, PtNDArray outputGradient) {
        try (outputGradient;
                PtNDArray filter = depthwise.filter();
                PtNDArray filterGradient = depthwise.filterGradient()) {
            return kernels.activationGradient(outputGradient, filter, filterGradient);
        }
    }

    @Override
    Shape outputShape(Shape input) {
        return depthwise.outputShape(expansion.outputShape(input));
    }
}

package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import dev.lockstep.worker.kernel.Kernels;
import dev.lockstep.worker.kernel.NormSiluDepthwise;

/**
 * Batch norm, {@code torch.nn.SiLU} and a depthwise convolution. Where kernels serve them, they go through the images together, some rows at a
 * time (docs/adr/0024), and autograd's graph is cut there.
 */
final class ActivatedDepthwise extends Layer {
    private final BatchNormalization norm;
    private final NormActivation activation;
    private final DepthwiseConvolution depthwise;
    private final GraphCuts cuts;

    /** @param cuts of the model that this is a layer of */
    ActivatedDepthwise(BatchNormalization norm, DepthwiseConvolution depthwise, GraphCuts cuts) {
        this.norm = norm;
        this.activation = addChildBlock("activation", new NormActivation(norm, null, cuts));
        this.depthwise = addChildBlock("depthwise", depthwise);
        this.cuts = cuts;
    }

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        if (training && GraphCuts.pay(input) && Kernels.fit(input)) {
            return together(input);
        }
        try (PtNDArray activated = activation.apply(input, training)) {
            return depthwise.apply(activated, training);
        }
    }

    private PtNDArray together(PtNDArray input) {
        NormSiluDepthwise kernels = new NormSiluDepthwise(norm.withSilu(input), depthwise.kernels());
        PtNDArray output;
        try (PtNDArray filter = depthwise.filter()) {
            output = kernels.forward(filter);
        }
        cuts.cut(input, output, gradient -> {
            try (kernels;
                    gradient;
                    PtNDArray filter = depthwise.filter();
                    PtNDArray filterGradient = depthwise.filterGradient()) {
                return norm.backward(kernels, gradient, filter, filterGradient);
            }
        });
        return GraphCuts.view(output);
    }

    @Override
    Shape outputShape(Shape input) {
        return depthwise.outputShape(input);
    }
}

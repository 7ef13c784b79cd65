package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.kernel.NormSilu;
import dev.lockstep.worker.kernel.NormSiluProjection;

/**
 * Batch norm, {@code torch.nn.SiLU}, squeeze-and-excitation and a 1 x 1 convolution without bias. To few channels, kernels do all of it, some pixels at
 * a time (docs/adr/0024), and autograd's graph is cut there; to many, where oneDNN does the convolution as well, what comes before it.
 */
final class SqueezedProjection extends Layer {
    private final BatchNormalization norm;
    private final SqueezeExcitation squeeze;
    private final NormActivation activation;
    private final Convolution projection;
    private final Parameter weight;
    private final GraphCuts cuts;

    /** @param cuts of the model that this is a layer of */
    SqueezedProjection(BatchNormalization norm, SqueezeExcitation squeeze, Convolution projection, GraphCuts cuts) {
        this.norm = norm;
        this.squeeze = squeeze;
        this.activation = addChildBlock("activation", new NormActivation(norm, squeeze, cuts));
        this.projection = addChildBlock("projection", projection);
        this.weight = projection.weight();
        this.cuts = cuts;
    }

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        if (training
                && GraphCuts.pay(input)
                && NormSiluProjection.fits(input, weight.getArray().getShape().get(0))) {
            return together(input);
        }
        try (PtNDArray activated = activation.apply(input, training)) {
            return projection.apply(activated, training);
        }
    }

    private PtNDArray together(PtNDArray input) {
        NormSilu normSilu = norm.withSilu(input);
        NormSiluProjection kernels = new NormSiluProjection(normSilu, values(weight));
        normSilu.sumOutput();
        Excitation excitation = new Excitation(squeeze, normSilu, input);
        PtNDArray output = kernels.forward(excitation.scale());
        cuts.cut(input, output, gradient -> {
            try (kernels;
                    excitation) {
                PtNDArray scaledGradient = scaledGradient(kernels, gradient);
                excitation.backward(norm, scaledGradient);
                return scaledGradient;
            }
        });
        return GraphCuts.view(output);
    }

    /** Closes the gradient by the output. */
    private PtNDArray scaledGradient(NormSiluProjection kernels, PtNDArray outputGradient) {
        try (outputGradient;
                PtNDArray weightGradient = JniUtils.getGradient(values(weight))) {
            return kernels.scaledGradient(outputGradient, weightGradient);
        }
    }

    @Override
    Shape outputShape(Shape input) {
        return projection.outputShape(input);
    }
}

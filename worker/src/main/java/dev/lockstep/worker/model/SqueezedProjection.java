package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.kernel.NormResidual;
import dev.lockstep.worker.kernel.NormSilu;
import dev.lockstep.worker.kernel.NormSiluProjection;

/**
 * Batch norm, {@code torch.nn.SiLU}, squeeze-and-excitation, a 1 x 1 convolution without bias and what an inverted bottleneck ends with. To few channels,
 * kernels do all of it, some pixels at a time (docs/adr/0024), and autograd's graph is cut there; to many, where oneDNN does the convolution as well, what
 * comes before it and what comes after it.
 */
final class SqueezedProjection extends Layer {
    private final BatchNormalization norm;
    private final SqueezeExcitation squeeze;
    private final NormActivation activation;
    private final Convolution projection;
    private final Parameter weight;
    private final ResidualNorm end;
    private final GraphCuts cuts;

    /** @param cuts of the model that this is a layer of */
    SqueezedProjection(
            BatchNormalization norm,
            SqueezeExcitation squeeze,
            Convolution projection,
            ResidualNorm end,
            GraphCuts cuts) {
        this.norm = norm;
        this.squeeze = squeeze;
        this.activation = addChildBlock("activation", new NormActivation(norm, squeeze, cuts));
        this.projection = addChildBlock("projection", projection);
        this.weight = projection.weight();
        this.end = addChildBlock("end", end);
        this.cuts = cuts;
    }

    /** Without a residual. */
    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        return apply(input, null, training);
    }

    /** @param residual null for none */
    PtNDArray apply(PtNDArray input, Residual residual, boolean training) {
        if (training
                && GraphCuts.pay(input)
                && NormSiluProjection.fits(input, weight.getArray().getShape().get(0))
                && ResidualNorm.serves(residual)) {
            return together(input, residual);
        }
        try (PtNDArray activated = activation.apply(input, training);
                PtNDArray projected = projection.apply(activated, training)) {
            return end.apply(projected, residual, training);
        }
    }

    private PtNDArray together(PtNDArray input, Residual residual) {
        NormSilu normSilu = norm.withSilu(input);
        NormSiluProjection kernels = new NormSiluProjection(normSilu, values(weight));
        normSilu.sumOutput();
        Excitation excitation = new Excitation(squeeze, normSilu, input);
        kernels.scale(excitation.scale());
        NormResidual endKernels = end.withKernels(kernels);
        PtNDArray output = end.forward(endKernels, residual);
        cuts.cut(input, output, gradient -> {
            try (kernels;
                    excitation;
                    endKernels) {
                end.sums(endKernels, gradient);
                PtNDArray scaledGradient = scaledGradient(kernels, endKernels, gradient);
                ResidualNorm.handOver(gradient, residual);
                excitation.backward(norm, scaledGradient);
                return scaledGradient;
            }
        });
        return GraphCuts.view(output);
    }

    private PtNDArray scaledGradient(NormSiluProjection kernels, NormResidual endKernels, PtNDArray gradient) {
        try (PtNDArray weightGradient = JniUtils.getGradient(values(weight))) {
            return kernels.scaledGradient(endKernels, gradient, weightGradient);
        }
    }

    @Override
    Shape outputShape(Shape input) {
        return projection.outputShape(input);
    }
}

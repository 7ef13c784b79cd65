package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.kernel.Kernels;
import dev.lockstep.worker.kernel.NormResidual;
import dev.lockstep.worker.kernel.NormSiluProjection;
import dev.lockstep.worker.libtorch.LibTorch;

/**
 * The end of an inverted bottleneck: batch norm, and for a residual branch {@code torchvision.ops.StochasticDepth} in row mode and the residual. Where
 * kernels serve, they do it in one pass over the memory each way, beside that for the norm's sums, and autograd's graph is cut there.
 */
final class ResidualNorm extends Layer {
    private final BatchNormalization norm;
    private final double depthProbability;
    private final GraphCuts cuts;

    /**
     * @param depthProbability how often the branch of a sample is dropped
     * @param cuts of the model that this is a layer of
     */
    ResidualNorm(BatchNormalization norm, double depthProbability, GraphCuts cuts) {
        this.norm = addChildBlock("norm", norm);
        this.depthProbability = depthProbability;
        this.cuts = cuts;
    }

    /** Without a residual. */
    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        return apply(input, null, training);
    }

    /** @param residual null for none */
    PtNDArray apply(PtNDArray input, Residual residual, boolean training) {
        if (training && GraphCuts.pay(input) && Kernels.fit(input) && serves(residual)) {
            return byKernels(input, residual);
        }
        PtNDArray normalized = norm.apply(input, training);
        if (residual == null) {
            return normalized;
        }
        try (normalized) {
            if (depthProbability == 0) {
                return JniUtils.add(normalized, residual.values());
            }
            try (PtNDArray kept = dropSamples(normalized, training)) {
                return JniUtils.add(kept, residual.values());
            }
        }
    }

    private PtNDArray dropSamples(PtNDArray input, boolean training) {
        if (!training) {
            throw new IllegalStateException("stochastic depth is for training");
        }
        return LibTorch.dropSamples(input, depthProbability);
    }

    private PtNDArray byKernels(PtNDArray input, Residual residual) {
        NormResidual kernels = norm.withResidual(input);
        PtNDArray output = forward(kernels, residual);
        cuts.cut(input, output, gradient -> {
            try (kernels) {
                sums(kernels, gradient);
                PtNDArray inputGradient = kernels.finishBackward(gradient);
                handOver(gradient, residual);
                return inputGradient;
            }
        });
        return GraphCuts.view(output);
    }

    /** Whether kernels can add it, where they serve the norm. */
    static boolean serves(Residual residual) {
        return residual == null || (residual.isCut() && Kernels.fit(residual.values()));
    }

    /** @param residual null for none, else one that kernels {@link #serves serve} */
    PtNDArray forward(NormResidual kernels, Residual residual) {
        if (residual == null) {
            return kernels.forward();
        }
        try (PtNDArray factors = factors(residual.values())) {
            return kernels.forward(factors, residual.values());
        }
    }

    /** As {@link LibTorch#dropSamples} draws them: 0, or more than 1 to make up for those. */
    private PtNDArray factors(PtNDArray images) {
        PtNDArray ones =
                (PtNDArray) images.getManager().ones(new Shape(images.getShape().get(0), 1, 1, 1));
        if (depthProbability == 0) {
            return ones;
        }
        try (ones) {
            return LibTorch.dropSamples(ones, depthProbability);
        }
    }

    /** The norm of what a projection makes. */
    NormResidual withKernels(NormSiluProjection projection) {
        return norm.withResidual(projection);
    }

    /** Keeps the gradient by the output, which is also that by the residual; without one nobody needs it any more. */
    static void handOver(PtNDArray gradient, Residual residual) {
        if (residual == null) {
            gradient.close();
        } else {
            residual.keep(gradient);
        }
    }

    /** Begins the way back: adds the parameters' gradients. */
    void sums(NormResidual kernels, PtNDArray gradient) {
        norm.sums(kernels, gradient);
    }
}

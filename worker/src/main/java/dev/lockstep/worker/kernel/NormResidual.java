package dev.lockstep.worker.kernel;

import ai.djl.pytorch.engine.PtNDArray;
import dev.lockstep.worker.kernel.NormKernels.Part;
import dev.lockstep.worker.libtorch.LibTorch;
import java.util.Arrays;
import java.util.Optional;

/** Batch norm alone, y = z, or at the end of a residual branch, y = z factor + residual, where the factor is of an image. */
public final class NormResidual extends Norm {
    /**
     * Finds the batch's statistics.
     *
     * @param input that {@link Kernels#fit}; closed with this
     */
    public NormResidual(PtNDArray input, PtNDArray gamma, PtNDArray beta, double epsilon) {
        super(input, gamma, beta, epsilon, Optional.empty());
    }

    /** Of what a projection makes, which it does now. */
    public NormResidual(NormSiluProjection projection, PtNDArray gamma, PtNDArray beta, double epsilon) {
        super(projection.emptyOutput(), gamma, beta, epsilon, Optional.of(projection));
    }

    /** An array of z. */
    public PtNDArray forward() {
        PtNDArray output = LibTorch.emptyLike(input);
        putFactors(image -> 1);
        kernels.normalized(Part.all(tables), LibTorch.address(input), LibTorch.address(output), tables);
        return output;
    }

    /**
     * An array of z factor + residual.
     *
     * @param factors float32, one for each image
     * @param residual like the input
     */
    public PtNDArray forward(PtNDArray factors, PtNDArray residual) {
        checkLikeInput(residual);
        PtNDArray output = LibTorch.emptyLike(input);
        float[] values = read(factors);
        putFactors(image -> values[image]);
        kernels.scaledWithResidual(
                Part.all(tables),
                LibTorch.address(input),
                LibTorch.address(residual),
                LibTorch.address(output),
                tables);
        return output;
    }

    private interface Factor {
        float of(int image);
    }

    private void putFactors(Factor factor) {
        float[] byChannel = new float[(int) tables.images() * tables.channels()];
        for (int image = 0; image < tables.images(); image++) {
            int first = image * tables.channels();
            Arrays.fill(byChannel, first, first + tables.channels(), factor.of(image));
        }
        tables.putByImage(Tables.FACTOR, byChannel);
    }

    /**
     * Begins the way back: adds the gradients by gamma and beta to their sums.
     *
     * @param gradient like the input; that by y
     */
    public void sums(PtNDArray gradient, PtNDArray gammaGradient, PtNDArray betaGradient) {
        checkLikeInput(gradient);
        tables.clearSums();
        kernels.linearSums(Part.all(tables), LibTorch.address(input), LibTorch.address(gradient), tables);
        addParameterGradients(
                tables.sumByFactor(Tables.GRADIENT),
                tables.sumByFactor(Tables.GRADIENT_INPUT),
                gammaGradient,
                betaGradient);
    }

    /**
     * Goes on from {@link #sums}.
     *
     * @param gradient what it was given
     * @return the gradient by the input
     */
    public PtNDArray finishBackward(PtNDArray gradient) {
        PtNDArray inputGradient = LibTorch.emptyLike(input);
        kernels.linearBackward(
                Part.all(tables),
                LibTorch.address(input),
                LibTorch.address(gradient),
                LibTorch.address(inputGradient),
                tables);
        return inputGradient;
    }

    /**
     * The same for some pixels of an image.
     *
     * @param to address of where the first pixel's goes
     */
    void finishBackward(long image, long firstPixel, long pixels, PtNDArray gradient, long to) {
        run(kernels::linearBackward, image, firstPixel, pixels, gradient, to);
    }
}

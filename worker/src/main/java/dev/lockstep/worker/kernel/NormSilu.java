package dev.lockstep.worker.kernel;

import ai.djl.pytorch.engine.PtNDArray;
import dev.lockstep.worker.kernel.NormKernels.Part;
import dev.lockstep.worker.libtorch.LibTorch;
import java.util.Optional;

/** Batch norm and SiLU after it, y = silu(z). */
public final class NormSilu extends Norm {
    /**
     * Finds the batch's statistics.
     *
     * @param input that {@link Kernels#fit}; closed with this
     */
    public NormSilu(PtNDArray input, PtNDArray gamma, PtNDArray beta, double epsilon) {
        super(input, gamma, beta, epsilon, Optional.empty());
    }

    /** Of what an expansion makes, which it does now. */
    public NormSilu(Expansion expansion, PtNDArray gamma, PtNDArray beta, double epsilon) {
        super(expansion.emptyOutput(), gamma, beta, epsilon, Optional.of(expansion));
    }

    /**
     * Writes y.
     *
     * @param output like the input
     */
    public void forward(PtNDArray output) {
        checkLikeInput(output);
        tables.clearSums();
        kernels.forward(Part.all(tables), LibTorch.address(input), LibTorch.address(output), tables);
    }

    /**
     * Writes y for some pixels of an image.
     *
     * @param output address of where the first of them goes
     */
    void forward(long image, long firstPixel, long pixels, long output) {
        kernels.forward(
                Part.ofImage(image, pixels), LibTorch.address(input) + offset(image, firstPixel), output, tables);
    }

    /** Finds what {@link #outputMeans} gives, and writes nothing. */
    public void sumOutput() {
        tables.clearSums();
        kernels.outputSums(Part.all(tables), LibTorch.address(input), tables);
    }

    /** @param factor of y, [N, C, 1, 1] */
    void putFactor(PtNDArray factor) {
        tables.putByImage(Tables.FACTOR, read(factor));
    }

    /**
     * Writes y times the factor that was {@link #putFactor put} for some pixels of an image.
     *
     * @param output address of where the first of them goes
     */
    void forwardScaled(long image, long firstPixel, long pixels, long output) {
        kernels.scaledForward(
                Part.ofImage(image, pixels), LibTorch.address(input) + offset(image, firstPixel), output, tables);
    }

    /**
     * Each channel's mean of what {@link #forward} has just written, or {@link #sumOutput} summed up.
     *
     * @param means float32 [N, C, 1, 1]
     */
    public void outputMeans(PtNDArray means) {
        tables.getByImage(Tables.OUTPUT, pointer(means));
        means.divi(tables.pixels());
    }

    /**
     * Turns the gradient by y into the input's, in place, and adds those by gamma and beta to their sums.
     *
     * @param gradient like the input
     */
    public void backward(PtNDArray gradient, PtNDArray gammaGradient, PtNDArray betaGradient) {
        checkLikeInput(gradient);
        tables.clearSums();
        kernels.sums(Part.all(tables), LibTorch.address(input), LibTorch.address(gradient), tables);
        addParameterGradients(gammaGradient, betaGradient);
        finishBackward(gradient);
    }

    /** Begins {@link #addSums} and {@link #addProducts}. */
    void clearSums() {
        tables.clearSums();
    }

    /**
     * Does some pixels' part of {@link #backward}, and writes y for them.
     *
     * @param gradient address of that by the first pixel's y
     * @param output address of where the first pixel's y goes
     */
    void addSums(long image, long firstPixel, long pixels, long gradient, long output) {
        run(kernels::sumsAndOutput, image, firstPixel, pixels, gradient, output);
    }

    /** Goes on with {@link #backward} when all pixels have been summed up: adds the gradients by gamma and beta. */
    public void addParameterGradients(PtNDArray gammaGradient, PtNDArray betaGradient) {
        addParameterGradients(
                tables.sum(Tables.GRADIENT), tables.sum(Tables.GRADIENT_INPUT), gammaGradient, betaGradient);
    }

    /** Does the rest of {@link #backward}, in place. */
    public void finishBackward(PtNDArray gradient) {
        finishBackward(gradient, false);
    }

    /**
     * Does the rest of {@link #backward} for some pixels.
     *
     * @param gradient address of that by the first pixel's y
     * @param to address of where the first pixel's gradient goes; may be the same
     */
    void finishBackward(long image, long firstPixel, long pixels, long gradient, long to) {
        run(
                (part, read, byOutput, written, known) -> kernels.backward(part, read, byOutput, written, known, false),
                image,
                firstPixel,
                pixels,
                gradient,
                to);
    }

    private void finishBackward(PtNDArray gradient, boolean scaled) {
        long address = LibTorch.address(gradient);
        kernels.backward(Part.all(tables), LibTorch.address(input), address, address, tables, scaled);
    }

    /**
     * Begins {@link #backwardScaled}, from the gradient of an array that is y times a factor for each channel of an image: sums the gradient
     * times y over all pixels.
     *
     * @param gradient like the input
     */
    public void sumProducts(PtNDArray gradient) {
        checkLikeInput(gradient);
        tables.clearSums();
        kernels.squeezedSums(Part.all(tables), LibTorch.address(input), LibTorch.address(gradient), tables);
    }

    /**
     * Does some pixels' part of {@link #sumProducts}, after {@link #clearSums}, and writes y times the factor that was put.
     *
     * @param gradient like the input
     * @param output address of where the first pixel's goes
     */
    void addProducts(long image, long firstPixel, long pixels, PtNDArray gradient, long output) {
        run(kernels::squeezedSumsAndOutput, image, firstPixel, pixels, gradient, output);
    }

    /**
     * What {@link #sumProducts} has found, at once or in parts.
     *
     * @param sums float32 [N, C, 1, 1]
     */
    public void sumsOfProducts(PtNDArray sums) {
        tables.getByImage(Tables.GRADIENT_OUTPUT, pointer(sums));
    }

    /**
     * Goes on when it is known what else the factor and y have to do with each other: the gradient by y is the given one times {@code factor},
     * plus {@code summand}. Turns it into the input's, in place, and adds those by gamma and beta to their sums.
     *
     * @param gradient what {@link #sumProducts} was given
     * @param factor [N, C, 1, 1]
     * @param summand [N, C, 1, 1]
     */
    public void backwardScaled(
            PtNDArray gradient, PtNDArray factor, PtNDArray summand, PtNDArray gammaGradient, PtNDArray betaGradient) {
        putFactor(factor);
        tables.putByImage(Tables.SUMMAND, read(summand));
        addParameterGradients(
                tables.sumByFactors(Tables.GRADIENT, Tables.SLOPES),
                tables.sumByFactors(Tables.GRADIENT_INPUT, Tables.SLOPES_INPUT),
                gammaGradient,
                betaGradient);
        finishBackward(gradient, true);
    }
}

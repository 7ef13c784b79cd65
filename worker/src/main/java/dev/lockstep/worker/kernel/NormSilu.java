package dev.lockstep.worker.kernel;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import com.sun.jna.Pointer;
import dev.lockstep.worker.kernel.NormSiluKernels.Part;
import dev.lockstep.worker.libtorch.LibTorch;
import java.util.Optional;
import java.util.stream.LongStream;

/**
 * Batch norm in training and SiLU after it, y = silu((x - mean) / sqrt(variance + epsilon) gamma + beta), of one batch [N, C, H, W] of
 * float32 or bfloat16 in channels-last order, by one thread. All arithmetic is float32's, or double's for what is of a channel: bfloat16 is
 * rounded to but when an image is written. The arrays have no history; nothing is kept for the way back but x.
 */
public final class NormSilu implements AutoCloseable {
    private final PtNDArray input;
    private final Elements elements;
    private final NormSiluKernels kernels;
    private final Tables tables;
    private final long count;
    private final float[] scale;
    private final double[] deviation;

    private final double[] mean;
    private final double[] variance;

    /**
     * Finds the batch's statistics.
     *
     * @param input that {@link Kernels#fit}; closed with this
     */
    public NormSilu(PtNDArray input, PtNDArray gamma, PtNDArray beta, double epsilon) {
        this(input, gamma, beta, epsilon, Optional.empty());
    }

    /** Of what an expansion makes, which it does now. */
    public NormSilu(Expansion expansion, PtNDArray gamma, PtNDArray beta, double epsilon) {
        this(expansion.emptyOutput(), gamma, beta, epsilon, Optional.of(expansion));
    }

    private NormSilu(PtNDArray input, PtNDArray gamma, PtNDArray beta, double epsilon, Optional<Expansion> expansion) {
        Shape shape = input.getShape();
        int channels = (int) shape.get(1);
        long pixels = shape.get(2) * shape.get(3);
        this.input = input;
        this.elements = Elements.of(input).orElseThrow();
        this.kernels = NormSiluKernels.of(elements);
        this.count = shape.get(0) * pixels;
        this.tables = new Tables(shape.get(0), pixels, channels);
        this.mean = new double[channels];
        this.variance = new double[channels];
        this.deviation = new double[channels];
        this.scale = new float[channels];
        tables.clearSums();
        expansion.ifPresentOrElse(
                source -> source.forward(input, this::addStatistics),
                () -> LongStream.range(0, tables.images()).forEach(image -> addStatistics(image, 0, pixels)));
        findStatistics(epsilon);
        float[] gammas = read(gamma);
        float[] betas = read(beta);
        float[] means = new float[channels];
        float[] intercepts = new float[channels];
        for (int c = 0; c < channels; c++) {
            double factor = gammas[c] / deviation[c];
            scale[c] = (float) factor;
            means[c] = (float) mean[c];
            intercepts[c] = (float) (betas[c] - mean[c] * factor);
        }
        tables.put(Tables.MEAN, means);
        tables.put(Tables.SCALE, scale);
        tables.put(Tables.OFFSET, betas);
        tables.put(Tables.INTERCEPT, intercepts);
    }

    private void checkLikeInput(PtNDArray array) {
        elements.check(array, input.getShape());
    }

    /** Sums of distances from each channel's first number: the sums' rounding is then small beside the variance. */
    private void addStatistics(long image, long firstPixel, long pixels) {
        if (image == 0 && firstPixel == 0) {
            tables.put(Tables.MEAN, read(input, mean.length));
        }
        kernels.statistics(Part.ofImage(image, pixels), LibTorch.address(input) + offset(image, firstPixel), tables);
    }

    private void findStatistics(double epsilon) {
        float[] shift = read(input, mean.length);
        double[] sums = tables.sum(Tables.INPUT);
        double[] squares = tables.sum(Tables.INPUT_SQUARED);
        for (int c = 0; c < mean.length; c++) {
            double distance = sums[c] / count;
            mean[c] = shift[c] + distance;
            variance[c] = Math.max(0, squares[c] / count - distance * distance);
            deviation[c] = Math.sqrt(variance[c] + epsilon);
        }
    }

    /** Moves running statistics towards the batch's, by {@code momentum} of the way; the variance is that of a sample. */
    public void updateRunning(PtNDArray runningMean, PtNDArray runningVariance, double momentum) {
        float[] means = read(runningMean);
        float[] variances = read(runningVariance);
        for (int c = 0; c < means.length; c++) {
            means[c] = (float) ((1 - momentum) * means[c] + momentum * mean[c]);
            variances[c] = (float) ((1 - momentum) * variances[c] + momentum * variance[c] * count / (count - 1));
        }
        pointer(runningMean).write(0, means, 0, means.length);
        pointer(runningVariance).write(0, variances, 0, variances.length);
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

    private long offset(long image, long pixel) {
        return (image * tables.pixels() + pixel) * tables.channels() * elements.bytes();
    }

    PtNDArray input() {
        return input;
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
     * @param gradient like the input; that by y
     * @param output address of where the first pixel's y goes
     */
    void addSums(long image, long firstPixel, long pixels, PtNDArray gradient, long output) {
        run(kernels::sumsAndOutput, image, firstPixel, pixels, gradient, output);
    }

    private interface GradientKernel {
        void run(Part part, long input, long gradient, long output, Tables tables);
    }

    private void run(GradientKernel kernel, long image, long firstPixel, long pixels, PtNDArray gradient, long output) {
        long offset = offset(image, firstPixel);
        kernel.run(
                Part.ofImage(image, pixels),
                LibTorch.address(input) + offset,
                LibTorch.address(gradient) + offset,
                output,
                tables);
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
     * Does the rest of {@link #backward} for some pixels, elsewhere.
     *
     * @param firstPixel counted through all images
     * @param gradient that by y, like the input
     * @param to address of where the first pixel's gradient goes
     */
    void finishBackward(long firstPixel, long pixels, PtNDArray gradient, long to) {
        long offset = offset(0, firstPixel);
        kernels.backward(
                Part.ofImage(0, pixels),
                LibTorch.address(input) + offset,
                LibTorch.address(gradient) + offset,
                to,
                tables,
                false);
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

    private void addParameterGradients(
            double[] sums, double[] products, PtNDArray gammaGradient, PtNDArray betaGradient) {
        float[] gammas = read(gammaGradient);
        float[] betas = read(betaGradient);
        float[] slopes = new float[sums.length];
        float[] constants = new float[sums.length];
        for (int c = 0; c < sums.length; c++) {
            gammas[c] += (float) (products[c] / deviation[c]);
            betas[c] += (float) sums[c];
            slopes[c] = (float) (-scale[c] * products[c] / count / (deviation[c] * deviation[c]));
            constants[c] = (float) (-scale[c] * sums[c] / count);
        }
        pointer(gammaGradient).write(0, gammas, 0, gammas.length);
        pointer(betaGradient).write(0, betas, 0, betas.length);
        tables.put(Tables.SLOPE, slopes);
        tables.put(Tables.CONSTANT, constants);
    }

    private static float[] read(PtNDArray array) {
        return read(array, (int) array.size());
    }

    private static float[] read(PtNDArray array, int size) {
        return Elements.of(array).orElseThrow().read(pointer(array), size);
    }

    private static Pointer pointer(PtNDArray array) {
        return new Pointer(LibTorch.address(array));
    }

    @Override
    public void close() {
        input.close();
        tables.close();
    }
}

package dev.lockstep.worker.kernel;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import com.sun.jna.Pointer;
import dev.lockstep.worker.libtorch.LibTorch;

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
    private void findStatistics(double epsilon) {
        float[] shift = read(input, mean.length);
        tables.put(Tables.MEAN, shift);
        tables.clearSums();
        kernels.statistics(pointer(input), tables);
        double[] sums = tables.sum(Tables.FIRST_SUM);
        double[] squares = tables.sum(Tables.SECOND_SUM);
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
        kernels.forward(pointer(input), pointer(output), tables);
    }

    /**
     * Each channel's mean of what {@link #forward} has just written.
     *
     * @param means float32 [N, C, 1, 1]
     */
    public void outputMeans(PtNDArray means) {
        tables.getByImage(Tables.FIRST_SUM, pointer(means));
        means.divi(tables.pixels());
    }

    /**
     * The sum of a b over all pixels.
     *
     * @param a like the input
     * @param b like the input
     * @param sums float32 [N, C, 1, 1]
     */
    public void sumProducts(PtNDArray a, PtNDArray b, PtNDArray sums) {
        checkLikeInput(a);
        checkLikeInput(b);
        tables.clearSums();
        kernels.products(pointer(a), pointer(b), tables);
        tables.getByImage(Tables.FIRST_SUM, pointer(sums));
    }

    /**
     * Turns the gradient by y into the input's, in place, and adds those by gamma and beta to their sums.
     *
     * @param gradient like the input
     */
    public void backward(PtNDArray gradient, PtNDArray gammaGradient, PtNDArray betaGradient) {
        backward(gradient, false, gammaGradient, betaGradient);
    }

    /**
     * The same from another array's gradient: that by y is it times {@code factor}, plus {@code summand}.
     *
     * @param factor [N, C, 1, 1]
     * @param summand [N, C, 1, 1]
     */
    public void backward(
            PtNDArray gradient, PtNDArray factor, PtNDArray summand, PtNDArray gammaGradient, PtNDArray betaGradient) {
        tables.putByImage(Tables.FACTOR, read(factor));
        tables.putByImage(Tables.SUMMAND, read(summand));
        backward(gradient, true, gammaGradient, betaGradient);
    }

    private void backward(PtNDArray gradient, boolean scaled, PtNDArray gammaGradient, PtNDArray betaGradient) {
        checkLikeInput(gradient);
        tables.clearSums();
        kernels.sums(pointer(input), pointer(gradient), tables, scaled);
        double[] sums = tables.sum(Tables.FIRST_SUM);
        double[] products = tables.sum(Tables.SECOND_SUM);
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
        kernels.backward(pointer(input), pointer(gradient), tables, scaled);
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

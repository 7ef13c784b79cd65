package dev.lockstep.worker.kernel;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import com.sun.jna.Pointer;
import dev.lockstep.worker.kernel.NormKernels.Part;
import dev.lockstep.worker.libtorch.LibTorch;
import java.util.Optional;
import java.util.stream.LongStream;

/**
 * Batch norm in training, z = (x - mean) / sqrt(variance + epsilon) gamma + beta, of one batch [N, C, H, W] of float32 or bfloat16 in channels-last order,
 * by one thread; with what comes after it, of which subclasses know. All arithmetic is float32's, or double's for what is of a channel: bfloat16 is
 * rounded to but when an image is written. The arrays have no history; nothing is kept for the way back but x.
 */
public abstract class Norm implements AutoCloseable {
    // Subclasses go through the same images.
    final PtNDArray input;
    final Elements elements;
    final NormKernels kernels;
    final Tables tables;

    private final long count;
    private final float[] scale;
    private final double[] deviation;

    private final double[] mean;
    private final double[] variance;

    /** What makes a norm's input, some pixels at a time. */
    interface Source {
        /** An array for the whole. */
        PtNDArray emptyOutput();

        /** Writes the whole, and has each part used while it is in the cache. */
        void forward(PtNDArray output, Use use);
    }

    /** What is done with some pixels of an image that have just been written. */
    interface Use {
        void pixels(long image, long firstPixel, long pixels);
    }

    /**
     * Finds the batch's statistics.
     *
     * @param input that {@link Kernels#fit}; closed with this
     * @param source what makes the input, and does so now; if there is none, it is there
     */
    Norm(PtNDArray input, PtNDArray gamma, PtNDArray beta, double epsilon, Optional<Source> source) {
        Shape shape = input.getShape();
        int channels = (int) shape.get(1);
        long pixels = shape.get(2) * shape.get(3);
        this.input = input;
        this.elements = Elements.of(input).orElseThrow();
        this.kernels = NormKernels.of(elements);
        this.count = shape.get(0) * pixels;
        this.tables = new Tables(shape.get(0), pixels, channels);
        this.mean = new double[channels];
        this.variance = new double[channels];
        this.deviation = new double[channels];
        this.scale = new float[channels];
        tables.clearSums();
        source.ifPresentOrElse(
                made -> made.forward(input, this::addStatistics),
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

    final void checkLikeInput(PtNDArray array) {
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

    final long offset(long image, long pixel) {
        return (image * tables.pixels() + pixel) * tables.channels() * elements.bytes();
    }

    /** That reads the input and a gradient of its shape. */
    interface GradientKernel {
        void run(Part part, long input, long gradient, long output, Tables tables);
    }

    /** Runs one for some pixels of an image; its output begins with the first of them. */
    final void run(GradientKernel kernel, long image, long firstPixel, long pixels, PtNDArray gradient, long output) {
        run(kernel, image, firstPixel, pixels, LibTorch.address(gradient) + offset(image, firstPixel), output);
    }

    /** The same; the gradient, too, is given by the address of the first pixel's. */
    final void run(GradientKernel kernel, long image, long firstPixel, long pixels, long gradient, long output) {
        kernel.run(
                Part.ofImage(image, pixels),
                LibTorch.address(input) + offset(image, firstPixel),
                gradient,
                output,
                tables);
    }

    /**
     * Adds the gradients by gamma and beta to their sums, and finds what that by x needs.
     *
     * @param sums of the gradient by z, for each channel
     * @param products of that times x - mean
     */
    final void addParameterGradients(
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

    static float[] read(PtNDArray array) {
        return read(array, (int) array.size());
    }

    private static float[] read(PtNDArray array, int size) {
        return Elements.of(array).orElseThrow().read(pointer(array), size);
    }

    static Pointer pointer(PtNDArray array) {
        return new Pointer(LibTorch.address(array));
    }

    @Override
    public void close() {
        input.close();
        tables.close();
    }
}

package dev.lockstep.worker.kernel;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import dev.lockstep.worker.libtorch.LibTorch;

/**
 * Batch norm, SiLU y, a factor for each channel of an image that comes of y's means, and a 1 x 1 convolution without bias from there to few channels; of
 * one batch [N, C, H, W] of float32 in channels-last order, by one thread. Neither y nor the scaled y are anywhere in memory as a whole: each is found
 * again, some pixels at a time, where it is needed. The arrays have no history.
 */
public final class NormSiluProjection implements AutoCloseable {
    private final NormSilu normSilu;
    private final PtNDArray input;
    private final long outputs;
    private final ChannelProducts products;

    /**
     * @param normSilu of the norm's input, which {@link #fits}; closed with this
     * @param weight float32 [outputs, C, 1, 1]
     */
    public NormSiluProjection(NormSilu normSilu, PtNDArray weight) {
        this.normSilu = normSilu;
        input = normSilu.input();
        outputs = weight.getShape().get(0);
        products = new ChannelProducts(weight, input.getShape().get(1), false);
    }

    /** Whether this serves an input, and is faster than oneDNN. */
    public static boolean fits(PtNDArray input, long outputs) {
        return ChannelProducts.fit(input, outputs);
    }

    /**
     * The convolution of y scaled.
     *
     * @param factor [N, C, 1, 1]
     * @return [N, outputs, H, W], in the input's order
     */
    public PtNDArray forward(PtNDArray factor) {
        PtNDArray output = ChannelProducts.empty(input, outputs);
        long written = LibTorch.address(output);
        normSilu.putFactor(factor);
        try (VectorMemory memory = products.stripMemory()) {
            long strip = memory.address();
            products.forEachStrip(input, (image, first, pixels, pixel) -> {
                normSilu.forwardScaled(image, first, pixels, strip);
                products.narrow(strip, written + pixel * products.fewBytes(), pixels);
            });
        }
        return output;
    }

    /**
     * The gradient by y scaled; adds that by the weight. Leaves the norm the sums that it goes on with ({@link NormSilu#sumsOfProducts}).
     *
     * @param outputGradient [N, outputs, H, W], in the input's order
     * @param weightSum float32 [outputs, C, 1, 1]
     * @return [N, C, H, W], in the input's order
     */
    public PtNDArray scaledGradient(PtNDArray outputGradient, PtNDArray weightSum) {
        Shape shape = input.getShape();
        Elements.FLOAT32.check(outputGradient, new Shape(shape.get(0), outputs, shape.get(2), shape.get(3)));
        PtNDArray gradient = LibTorch.emptyLike(input);
        long read = LibTorch.address(outputGradient);
        long written = LibTorch.address(gradient);
        normSilu.clearSums();
        try (VectorMemory memory = products.stripMemory()) {
            long strip = memory.address();
            products.forEachStrip(input, (image, first, pixels, pixel) -> {
                long from = read + pixel * products.fewBytes();
                products.widen(from, written + pixel * products.manyBytes(), pixels);
                normSilu.addProducts(image, first, pixels, gradient, strip);
                products.addWeightGradient(from, strip, pixels);
            });
        }
        products.addWeightGradientTo(weightSum);
        return gradient;
    }

    @Override
    public void close() {
        normSilu.close();
        products.close();
    }
}

package dev.lockstep.worker.kernel;

import ai.djl.pytorch.engine.PtNDArray;
import dev.lockstep.worker.libtorch.LibTorch;

/**
 * Batch norm, SiLU y, a factor for each channel of an image that comes of y's means, and a 1 x 1 convolution without bias from there to few channels; of
 * one batch [N, C, H, W] of float32 in channels-last order, by one thread. Neither y nor the scaled y are anywhere in memory as a whole: each is found
 * again, some pixels at a time, where it is needed. The arrays have no history.
 */
public final class NormSiluProjection implements Norm.Source, AutoCloseable {
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
        input = normSilu.input;
        outputs = weight.getShape().get(0);
        products = new ChannelProducts(weight, input.getShape().get(1), false);
    }

    /** Whether this serves an input, and is faster than oneDNN. */
    public static boolean fits(PtNDArray input, long outputs) {
        return ChannelProducts.fit(input, outputs);
    }

    /**
     * Tells what y is scaled by from now on.
     *
     * @param factor [N, C, 1, 1]
     */
    public void scale(PtNDArray factor) {
        normSilu.putFactor(factor);
    }

    @Override
    public PtNDArray emptyOutput() {
        return ChannelProducts.empty(input, outputs);
    }

    /** The convolution of y scaled. */
    @Override
    public void forward(PtNDArray output, Norm.Use use) {
        long written = LibTorch.address(output);
        try (VectorMemory memory = products.stripMemory()) {
            long strip = memory.address();
            products.forEachStrip(input, (image, first, pixels, pixel) -> {
                normSilu.forwardScaled(image, first, pixels, strip);
                products.narrow(strip, written + pixel * products.fewBytes(), pixels);
                use.pixels(image, first, pixels);
            });
        }
    }

    /**
     * The gradient by y scaled; adds that by the weight. Leaves the norm the sums that it goes on with ({@link NormSilu#sumsOfProducts}).
     *
     * @param end the norm of this projection's output, after {@link NormResidual#sums}
     * @param gradient that those were of
     * @param weightSum float32 [outputs, C, 1, 1]
     * @return [N, C, H, W], in the input's order
     */
    public PtNDArray scaledGradient(NormResidual end, PtNDArray gradient, PtNDArray weightSum) {
        PtNDArray scaledGradient = LibTorch.emptyLike(input);
        long written = LibTorch.address(scaledGradient);
        normSilu.clearSums();
        try (VectorMemory memoryOfFew = products.stripMemoryOfFew();
                VectorMemory memory = products.stripMemory()) {
            long stripOfFew = memoryOfFew.address();
            long strip = memory.address();
            products.forEachStrip(input, (image, first, pixels, pixel) -> {
                end.finishBackward(image, first, pixels, gradient, stripOfFew);
                products.widen(stripOfFew, written + pixel * products.manyBytes(), pixels);
                normSilu.addProducts(image, first, pixels, scaledGradient, strip);
                products.addWeightGradient(stripOfFew, strip, pixels);
            });
        }
        products.addWeightGradientTo(weightSum);
        return scaledGradient;
    }

    @Override
    public void close() {
        normSilu.close();
        products.close();
    }
}

package dev.lockstep.worker.kernel;

import ai.djl.pytorch.engine.PtNDArray;
import dev.lockstep.worker.libtorch.LibTorch;

/**
 * A 1 x 1 convolution without bias from few channels to more, of one batch [N, C, H, W] of float32 in channels-last order, by one thread, some pixels at
 * a time: what comes after works on them while they are in the cache, and on the way back what comes before. The arrays have no history.
 */
public final class Expansion implements Norm.Source, AutoCloseable {
    private final PtNDArray input;
    private final long outputs;
    private final ChannelProducts products;

    /**
     * @param input that {@link #fits}; closed with this
     * @param weight float32 [outputs, inputs, 1, 1]
     */
    public Expansion(PtNDArray input, PtNDArray weight) {
        this.input = input;
        outputs = weight.getShape().get(0);
        products = new ChannelProducts(weight, input.getShape().get(1), true);
    }

    /** Whether this serves an input, and is faster than oneDNN. */
    public static boolean fits(PtNDArray input) {
        return ChannelProducts.fit(input, input.getShape().get(1));
    }

    @Override
    public PtNDArray emptyOutput() {
        return ChannelProducts.empty(input, outputs);
    }

    @Override
    public void forward(PtNDArray output, Norm.Use use) {
        long read = LibTorch.address(input);
        long written = LibTorch.address(output);
        products.forEachStrip(input, (image, first, pixels, pixel) -> {
            products.widen(read + pixel * products.fewBytes(), written + pixel * products.manyBytes(), pixels);
            use.pixels(image, first, pixels);
        });
    }

    /** Makes the gradient by the output, some rows at a time. */
    interface OutputGradient {
        /**
         * Makes rows of it.
         *
         * @param to address of the first of them
         */
        void make(int image, int first, int count, long to);
    }

    /**
     * The gradient by the input. Adds that by the weight to its sum.
     *
     * @param weightSum float32 [outputs, inputs, 1, 1]
     * @return [N, inputs, H, W], in the input's order
     */
    PtNDArray backward(OutputGradient outputGradient, PtNDArray weightSum) {
        PtNDArray gradient = LibTorch.emptyLike(input);
        long read = LibTorch.address(input);
        long written = LibTorch.address(gradient);
        int images = (int) input.getShape().get(0);
        int height = (int) input.getShape().get(2);
        long width = input.getShape().get(3);
        int rows = (int) Math.max(1, products.strip() / width);
        try (VectorMemory memory = new VectorMemory(rows * width * products.manyBytes())) {
            long strip = memory.address();
            for (int image = 0; image < images; image++) {
                for (int row = 0; row < height; row += rows) {
                    int count = Math.min(rows, height - row);
                    long pixels = count * width;
                    long offset = ((long) image * height + row) * width * products.fewBytes();
                    outputGradient.make(image, row, count, strip);
                    products.narrow(strip, written + offset, pixels);
                    products.addWeightGradient(read + offset, strip, pixels);
                }
            }
        }
        products.addWeightGradientTo(weightSum);
        return gradient;
    }

    @Override
    public void close() {
        input.close();
        products.close();
    }
}

package dev.lockstep.worker.kernel;

import ai.djl.pytorch.engine.PtNDArray;
import dev.lockstep.worker.kernel.DepthwiseCode.Geometry;
import dev.lockstep.worker.libtorch.LibTorch;

/**
 * Batch norm, SiLU and the depthwise convolution after it, some rows at a time: what lies between them stays in the cache, and is nowhere
 * in memory as a whole. The way back finds it again from the norm's input, a few rows at a time as well.
 */
public final class NormSiluDepthwise {
    /**
     * The rows between that are kept, as long as a strip needs no more, and those that a strip adds. What is read and written beside them must fit
     * into the second cache, too, which is a MiB on small processors.
     */
    private static final long WINDOW_BYTES = 512 * 1024;

    private static final long STRIP_BYTES = 256 * 1024;

    private final NormSilu normSilu;
    private final Depthwise depthwise;
    private final PtNDArray input;
    private final Geometry geometry;
    private final int images;
    private final int height;
    private final int outputHeight;
    private final long rowBytes;
    private final long outputRowBytes;

    /**
     * @param normSilu of the norm's input
     * @param depthwise by a filter that the input's channels fit
     */
    public NormSiluDepthwise(NormSilu normSilu, Depthwise depthwise) {
        this.normSilu = normSilu;
        this.depthwise = depthwise;
        input = normSilu.input;
        geometry = depthwise.geometry(input);
        images = (int) input.getShape().get(0);
        height = Depthwise.height(input);
        outputHeight = geometry.outputs(height);
        rowBytes = geometry.rowBytes();
        outputRowBytes = geometry.outputRowBytes();
    }

    /** What is done with a strip of an image. */
    private interface Strip {
        /**
         * Makes rows of what lies between.
         *
         * @param to address of the first of them
         */
        void make(int image, int first, int count, long to);

        /**
         * Uses what lies between for rows of the convolution's output.
         *
         * @param between address that row 0 of it would have; there are those rows that the output's need
         */
        void use(int image, int first, int count, long between);
    }

    /**
     * The convolution of SiLU of the normalized input.
     *
     * @param filter float32 [C, 1, kernel, kernel]
     * @return [N, C, OH, OW], of the input's type and order
     */
    public PtNDArray forward(PtNDArray filter) {
        PtNDArray output = depthwise.emptyOutput(input);
        long written = LibTorch.address(output);
        try (DepthwiseKernel convolution = depthwise.convolution(input, filter)) {
            forEachStrip(new Strip() {
                @Override
                public void make(int image, int first, int count, long to) {
                    normSilu.forward(image, pixels(first), pixels(count), to);
                }

                @Override
                public void use(int image, int first, int count, long between) {
                    convolution.run(between, written + outputOffset(image, first), first, count);
                }
            });
        }
        return output;
    }

    /** Where rows of the gradient by SiLU's output are written: to stay, or for the time of a strip. */
    private interface GradientRows {
        long address(int image, int first);
    }

    /**
     * The gradient by SiLU's output; adds that by the filter. Leaves the norm the sums that it goes on with
     * ({@link NormSilu#addParameterGradients}).
     *
     * @param outputGradient [N, C, OH, OW], of the input's type and order
     * @param filter float32 [C, 1, kernel, kernel]
     * @param filterGradient float32 [C, 1, kernel, kernel]
     * @return [N, C, H, W], of the input's type and order
     */
    public PtNDArray activationGradient(PtNDArray outputGradient, PtNDArray filter, PtNDArray filterGradient) {
        PtNDArray gradient = LibTorch.emptyLike(input);
        long written = LibTorch.address(gradient);
        addGradients(
                outputGradient,
                filter,
                filterGradient,
                (image, first) -> written + normSilu.offset(image, pixels(first)));
        return gradient;
    }

    /**
     * The gradient by the input of the expansion that made the norm's; adds those by the filter and by the expansion's weight.
     *
     * <p>It goes through the images twice, for the norm's sums must be known. The gradient by SiLU's output, which both need, is kept by a stride of one.
     * By a stride of two the output's is a quarter of it: to read that again, and to make the other's strips again in the cache, takes less time.
     *
     * @param outputGradient [N, C, OH, OW], of the input's type and order
     * @param filter float32 [C, 1, kernel, kernel]
     * @param filterGradient float32 [C, 1, kernel, kernel]
     * @param weightGradient float32 [C, inputs, 1, 1]
     * @param goOn has the norm go on, by {@link NormSilu#addParameterGradients}
     * @return [N, inputs, H, W], in the expansion's input's order
     */
    public PtNDArray backward(
            Expansion expansion,
            PtNDArray outputGradient,
            PtNDArray filter,
            PtNDArray filterGradient,
            PtNDArray weightGradient,
            Runnable goOn) {
        if (geometry.stride() == 1) {
            try (PtNDArray kept = activationGradient(outputGradient, filter, filterGradient)) {
                goOn.run();
                long read = LibTorch.address(kept);
                return expansion.backward(
                        (image, first, count, to) -> normSilu.finishBackward(
                                image, pixels(first), pixels(count), read + normSilu.offset(image, pixels(first)), to),
                        weightGradient);
            }
        }
        try (VectorMemory strip = new VectorMemory(rowsNeeded() * rowBytes)) {
            addGradients(outputGradient, filter, filterGradient, (image, first) -> strip.address());
        }
        goOn.run();
        long read = LibTorch.address(outputGradient);
        try (DepthwiseKernel inputGradients = depthwise.inputGradient(input, filter)) {
            return expansion.backward(
                    (image, first, count, to) -> {
                        inputGradients.run(read + outputOffset(image, 0), to, first, count);
                        normSilu.finishBackward(image, pixels(first), pixels(count), to, to);
                    },
                    weightGradient);
        }
    }

    private void addGradients(
            PtNDArray outputGradient, PtNDArray filter, PtNDArray filterGradient, GradientRows activationGradient) {
        depthwise.checkLikeOutput(outputGradient, input);
        long read = LibTorch.address(outputGradient);
        normSilu.clearSums();
        try (DepthwiseKernel inputGradients = depthwise.inputGradient(input, filter);
                DepthwiseKernel filterGradients = depthwise.filterGradient(input)) {
            forEachStrip(new Strip() {
                @Override
                public void make(int image, int first, int count, long to) {
                    long gradient = activationGradient.address(image, first);
                    inputGradients.run(read + outputOffset(image, 0), gradient, first, count);
                    normSilu.addSums(image, pixels(first), pixels(count), gradient, to);
                }

                @Override
                public void use(int image, int first, int count, long between) {
                    filterGradients.run(between, read + outputOffset(image, first), first, count);
                }
            });
            depthwise.add(filterGradient, filterGradients, input);
        }
    }

    private long pixels(int rows) {
        return (long) rows * geometry.width();
    }

    private long outputOffset(int image, int row) {
        return ((long) image * outputHeight + row) * outputRowBytes;
    }

    /** Of the convolution's output, in a strip. */
    private int outputRows() {
        return (int) Math.max(1, STRIP_BYTES / (rowBytes * geometry.stride()));
    }

    /** Of what lies between, for a strip. */
    private int rowsNeeded() {
        return (outputRows() - 1) * geometry.stride() + geometry.kernel();
    }

    /** Goes through all images from above to below. Each row of what lies between is made once, before the first use. */
    private void forEachStrip(Strip strip) {
        int rows = outputRows();
        int capacity = (int) Math.min(height, Math.max(WINDOW_BYTES / rowBytes, rowsNeeded()));
        try (RowWindow window = new RowWindow(rowBytes, capacity)) {
            for (int image = 0; image < images; image++) {
                window.clear();
                for (int row = 0; row < outputHeight; row += rows) {
                    int count = Math.min(rows, outputHeight - row);
                    int above = row * geometry.stride() - geometry.padding();
                    int end = Math.min(height, above + (count - 1) * geometry.stride() + geometry.kernel());
                    window.makeRoom(Math.max(0, above), end);
                    if (end > window.end()) {
                        strip.make(image, window.end(), end - window.end(), window.address(window.end()));
                        window.made(end);
                    }
                    strip.use(image, row, count, window.address(0));
                }
            }
        }
    }
}

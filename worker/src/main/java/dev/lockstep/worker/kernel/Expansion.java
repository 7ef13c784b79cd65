package dev.lockstep.worker.kernel;

import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import dev.lockstep.worker.kernel.ProductCode.Geometry;
import dev.lockstep.worker.libtorch.LibTorch;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A 1 x 1 convolution without bias from few channels to more, of one batch [N, C, H, W] of float32 in channels-last order, by one thread, some pixels at
 * a time: what comes before and after can then work on them while they are in the cache. The arrays have no history.
 *
 * <p>From more channels oneDNN is as fast as the processor; from few, its products wait for memory, the gradient by the weight most of all.
 */
public final class Expansion implements AutoCloseable {
    private static final int MOST_INPUTS = 48;
    /** Of output, at a time. */
    private static final long STRIP_BYTES = 128 * 1024;
    /** By two vectors, these fill the registers, and divide the pixels of a 224-pixel image's rows. */
    private static final int PIXELS = 14;

    private static final int PIXEL_VECTORS = 2;
    /** By three vectors; channels come by eights. */
    private static final int INPUTS = 8;

    private static final int INPUT_VECTORS = 3;
    private static final long[] TO_NCHW = {0, 3, 1, 2};
    private static final Map<Geometry, MachineCode> PRODUCTS = new ConcurrentHashMap<>();

    private final PtNDArray input;
    private final int inputs;
    private final int outputs;
    private final long imagePixels;
    private final Product forward;
    private final Product inputGradient;
    private final Product weightGradient;

    /**
     * @param input that {@link #fits}; closed with this
     * @param weight float32 [outputs, inputs, 1, 1]
     */
    public Expansion(PtNDArray input, PtNDArray weight) {
        this.input = input;
        inputs = (int) input.getShape().get(1);
        outputs = (int) weight.getShape().get(0);
        if (!weight.getShape().equals(new Shape(outputs, inputs, 1, 1))) {
            throw new IllegalArgumentException("a weight of %s for %d channels".formatted(weight.getShape(), inputs));
        }
        imagePixels = input.getShape().get(2) * input.getShape().get(3);
        int inputBytes = inputs * Float.BYTES;
        int outputBytes = outputs * Float.BYTES;
        float[] byOutput = new Pointer(LibTorch.address(weight)).getFloatArray(0, outputs * inputs);
        forward = new Product(
                new Geometry(PIXELS, PIXEL_VECTORS, outputs, inputBytes, Float.BYTES, outputBytes, outputBytes, false),
                transposed(byOutput, outputs, inputs));
        inputGradient = new Product(
                new Geometry(PIXELS, PIXEL_VECTORS, inputs, outputBytes, Float.BYTES, inputBytes, inputBytes, false),
                byOutput);
        weightGradient = new Product(
                new Geometry(INPUTS, INPUT_VECTORS, outputs, Float.BYTES, inputBytes, outputBytes, outputBytes, true),
                new float[inputs * outputs]);
    }

    /** Whether this serves an input, and is faster than oneDNN. */
    public static boolean fits(PtNDArray input) {
        return input.getShape().get(1) <= MOST_INPUTS
                && Elements.of(input).filter(Elements.FLOAT32::equals).isPresent()
                && Kernels.fit(input);
    }

    /** An array for the output. */
    public PtNDArray emptyOutput() {
        Shape shape = input.getShape();
        try (PtNDArray byPixel = input.getManager()
                .create(new Shape(shape.get(0), shape.get(2), shape.get(3), outputs), DataType.FLOAT32)) {
            return JniUtils.permute(byPixel, TO_NCHW);
        }
    }

    /** What is done with some pixels of the output that have just been written. */
    interface Use {
        void pixels(long image, long firstPixel, long pixels);
    }

    /** Writes the output, and has it used as long as it is in the cache. */
    void forward(PtNDArray output, Use use) {
        long read = LibTorch.address(input);
        long written = LibTorch.address(output);
        for (long image = 0; image < input.getShape().get(0); image++) {
            for (long first = 0; first < imagePixels; first += strip()) {
                long pixels = Math.min(strip(), imagePixels - first);
                long pixel = image * imagePixels + first;
                forward.run(
                        read + pixel * inputs * Float.BYTES,
                        forward.kept,
                        written + pixel * outputs * Float.BYTES,
                        pixels,
                        inputs);
                use.pixels(image, first, pixels);
            }
        }
    }

    /**
     * The gradient by the input, from where {@link NormSilu#addParameterGradients} has left off. Adds that by the weight to its sum.
     *
     * @param normSilu of this expansion's output
     * @param activationGradient that by SiLU's output
     * @param weightSum float32 [outputs, inputs, 1, 1]
     * @return [N, inputs, H, W], in the input's order
     */
    public PtNDArray backward(NormSilu normSilu, PtNDArray activationGradient, PtNDArray weightSum) {
        PtNDArray gradient = LibTorch.emptyLike(input);
        long read = LibTorch.address(input);
        long written = LibTorch.address(gradient);
        long all = input.getShape().get(0) * imagePixels;
        try (Memory memory = new Memory(strip() * outputs * Float.BYTES + Vector.BYTES)) {
            long strip = Pointer.nativeValue(memory.align(Vector.BYTES));
            for (long first = 0; first < all; first += strip()) {
                long pixels = Math.min(strip(), all - first);
                long offset = first * inputs * Float.BYTES;
                normSilu.finishBackward(first, pixels, activationGradient, strip);
                inputGradient.run(strip, inputGradient.kept, written + offset, pixels, outputs);
                weightGradient.run(read + offset, strip, weightGradient.kept, inputs, pixels);
            }
        }
        Pointer sum = new Pointer(LibTorch.address(weightSum));
        float[] sums = sum.getFloatArray(0, outputs * inputs);
        float[] found = transposed(weightGradient.memory.getFloatArray(0, inputs * outputs), inputs, outputs);
        for (int i = 0; i < sums.length; i++) {
            sums[i] += found[i];
        }
        sum.write(0, sums, 0, sums.length);
        return gradient;
    }

    private long strip() {
        return Math.max(1, STRIP_BYTES / ((long) outputs * Float.BYTES * PIXELS)) * PIXELS;
    }

    private static float[] transposed(float[] matrix, int rows, int columns) {
        float[] transposed = new float[matrix.length];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                transposed[column * rows + row] = matrix[row * columns + column];
            }
        }
        return transposed;
    }

    /** A kernel, and the matrix that it uses in each call. */
    private static final class Product implements AutoCloseable {
        private final Geometry geometry;
        private final MachineCode code;
        private final Memory memory;
        private final long kept;

        Product(Geometry geometry, float[] matrix) {
            this.geometry = geometry;
            code = PRODUCTS.computeIfAbsent(geometry, wanted -> MachineCode.of(ProductCode.of(wanted)));
            memory = new Memory((long) matrix.length * Float.BYTES);
            memory.write(0, matrix, 0, matrix.length);
            kept = Pointer.nativeValue(memory);
        }

        void run(long a, long b, long c, long rows, long depth) {
            long[] values = new long[ProductCode.ARGUMENTS];
            values[ProductCode.A] = a;
            values[ProductCode.B] = b;
            values[ProductCode.C] = c;
            values[ProductCode.DEPTH] = depth;
            values[ProductCode.TILES] = rows / geometry.rows();
            values[ProductCode.ROWS_LEFT] = rows % geometry.rows();
            code.call(values);
        }

        @Override
        public void close() {
            memory.close();
        }
    }

    @Override
    public void close() {
        input.close();
        forward.close();
        inputGradient.close();
        weightGradient.close();
    }
}

package dev.lockstep.worker.kernel;

import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import dev.lockstep.worker.kernel.ProductCode.Geometry;
import dev.lockstep.worker.libtorch.AutocastMode;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;
import dev.lockstep.worker.libtorch.LibTorch;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The products of a 1 x 1 convolution between few channels and many, and of its gradients, in float32, by one thread. They go by strips of pixels, so that
 * what comes before and after them works on the many channels while they are in the cache. Pixels are given by the address of the first.
 *
 * <p>Of many channels oneDNN's products are as fast as the processor; of few, they wait for memory, the weight's gradient most of all.
 */
final class ChannelProducts implements AutoCloseable {
    private static final int MOST_OF_FEW = 48;
    /** Of many channels. */
    private static final long STRIP_BYTES = 128 * 1024;
    /** By two vectors, these fill the registers, and divide the pixels of a 224-pixel image's rows. */
    private static final int PIXELS = 14;

    private static final int PIXEL_VECTORS = 2;
    /** By three vectors; channels come by eights. */
    private static final int CHANNELS = 8;

    private static final int CHANNEL_VECTORS = 3;
    private static final long[] TO_NCHW = {0, 3, 1, 2};
    private static final Map<Geometry, MachineCode> LOADED = new ConcurrentHashMap<>();

    private final int few;
    private final int many;
    private final boolean widens;
    private final Product widening;
    private final Product narrowing;
    private final Product outer;

    /**
     * @param weight [outputs, inputs, 1, 1]
     * @param inputs that the weight must be for
     * @param widens whether the inputs are the few
     */
    ChannelProducts(PtNDArray weight, long inputs, boolean widens) {
        int outputs = (int) weight.getShape().get(0);
        if (!weight.getShape().equals(new Shape(outputs, inputs, 1, 1))) {
            throw new IllegalArgumentException("a weight of %s for %d channels".formatted(weight.getShape(), inputs));
        }
        this.widens = widens;
        few = widens ? (int) inputs : outputs;
        many = widens ? outputs : (int) inputs;
        float[] given = new Pointer(LibTorch.address(weight)).getFloatArray(0, few * many);
        float[] turned = transposed(given, outputs, (int) inputs);
        int fewBytes = few * Float.BYTES;
        int manyBytes = many * Float.BYTES;
        widening = new Product(
                new Geometry(PIXELS, PIXEL_VECTORS, many, fewBytes, Float.BYTES, manyBytes, manyBytes, false),
                widens ? turned : given);
        narrowing = new Product(
                new Geometry(PIXELS, PIXEL_VECTORS, few, manyBytes, Float.BYTES, fewBytes, fewBytes, false),
                widens ? given : turned);
        outer = new Product(
                new Geometry(CHANNELS, CHANNEL_VECTORS, many, Float.BYTES, fewBytes, manyBytes, manyBytes, true),
                new float[few * many]);
    }

    /** Whether this serves such images, in float32 throughout, and is faster than oneDNN. */
    static boolean fit(PtNDArray images, long few) {
        return few <= MOST_OF_FEW
                && AutocastMode.type(DeviceType.CPU) == null
                && Elements.of(images).filter(Elements.FLOAT32::equals).isPresent()
                && Kernels.fit(images);
    }

    /** An array [N, channels, H, W] of float32 in channels-last order. */
    static PtNDArray empty(PtNDArray images, long channels) {
        Shape shape = images.getShape();
        try (PtNDArray byPixel = images.getManager()
                .create(new Shape(shape.get(0), shape.get(2), shape.get(3), channels), DataType.FLOAT32)) {
            return JniUtils.permute(byPixel, TO_NCHW);
        }
    }

    long fewBytes() {
        return (long) few * Float.BYTES;
    }

    long manyBytes() {
        return (long) many * Float.BYTES;
    }

    /** Pixels of a strip. */
    long strip() {
        return Math.max(1, STRIP_BYTES / (manyBytes() * PIXELS)) * PIXELS;
    }

    /** What is done with a strip. */
    interface Use {
        /**
         * Does it.
         *
         * @param first the strip's first pixel in its image
         * @param pixel the same, counted through all images
         */
        void strip(long image, long first, long pixels, long pixel);
    }

    /** Goes through images by strips, each of one image. */
    void forEachStrip(PtNDArray images, Use use) {
        Shape shape = images.getShape();
        long imagePixels = shape.get(2) * shape.get(3);
        for (long image = 0; image < shape.get(0); image++) {
            for (long first = 0; first < imagePixels; first += strip()) {
                use.strip(image, first, Math.min(strip(), imagePixels - first), image * imagePixels + first);
            }
        }
    }

    /** Memory for the many channels of a strip. */
    VectorMemory stripMemory() {
        return new VectorMemory(strip() * manyBytes());
    }

    /** Memory for the few channels of a strip. */
    VectorMemory stripMemoryOfFew() {
        return new VectorMemory(strip() * fewBytes());
    }

    /** From few channels to many: the convolution of an expansion, the input's gradient of a projection. */
    void widen(long from, long to, long pixels) {
        widening.run(from, widening.kept, to, pixels, few);
    }

    /** From many channels to few: the convolution of a projection, the input's gradient of an expansion. */
    void narrow(long from, long to, long pixels) {
        narrowing.run(from, narrowing.kept, to, pixels, many);
    }

    /** Adds these pixels' part of the weight's gradient to what is kept. */
    void addWeightGradient(long ofFew, long ofMany, long pixels) {
        outer.run(ofFew, ofMany, outer.kept, few, pixels);
    }

    /**
     * Adds what is kept.
     *
     * @param sum float32 of the weight's shape
     */
    void addWeightGradientTo(PtNDArray sum) {
        float[] kept = outer.memory.getFloatArray(0, few * many);
        float[] found = widens ? transposed(kept, few, many) : kept;
        Pointer sums = new Pointer(LibTorch.address(sum));
        float[] values = sums.getFloatArray(0, few * many);
        for (int i = 0; i < values.length; i++) {
            values[i] += found[i];
        }
        sums.write(0, values, 0, values.length);
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
            code = LOADED.computeIfAbsent(geometry, wanted -> MachineCode.of(ProductCode.of(wanted)));
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
        widening.close();
        narrowing.close();
        outer.close();
    }
}

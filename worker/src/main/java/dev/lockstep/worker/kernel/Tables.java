package dev.lockstep.worker.kernel;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import dev.lockstep.worker.kernel.Operand.Address;

/**
 * Numbers that kernels read or sum up, of each channel of a batch of images [images, pixels, channels]. Those of 16 channels lie side by
 * side, row after row, so that a kernel goes straight through them; what is beyond the last channel is zero.
 */
final class Tables implements AutoCloseable {
    /** With x the input and z what SiLU takes: z = (x - mean) scale + offset = x scale + intercept. */
    static final Row MEAN = new Row(General.R10, 0);

    static final Row SCALE = new Row(General.R10, 1);
    static final Row OFFSET = new Row(General.R10, 2);
    static final Row INTERCEPT = new Row(General.R10, 3);
    /** The gradient by x is that by z times scale, plus (x - mean) slope + constant. */
    static final Row SLOPE = new Row(General.R10, 4);

    static final Row CONSTANT = new Row(General.R10, 5);
    static final int CHANNEL_BYTES = 6 * Vector.BYTES;

    // Sums of an image's pixels, with x less the mean. No kernel finds all of them.
    static final Row INPUT = new Row(General.R11, 0);
    static final Row INPUT_SQUARED = new Row(General.R11, 1);
    static final Row OUTPUT = new Row(General.R11, 0);
    /** Of the gradient by z, and of that times x. */
    static final Row GRADIENT = new Row(General.R11, 0);

    static final Row GRADIENT_INPUT = new Row(General.R11, 1);
    /** Of the gradient by y times y. */
    static final Row GRADIENT_OUTPUT = new Row(General.R11, 2);
    /** Of SiLU's slope at z, and of that times x. */
    static final Row SLOPES = new Row(General.R11, 3);

    static final Row SLOPES_INPUT = new Row(General.R11, 4);
    private static final int SUMS = 5;

    /** The output was y factor, and y's gradient is that of the output times factor plus summand. */
    static final Row FACTOR = new Row(General.R11, 5);

    static final Row SUMMAND = new Row(General.R11, 6);
    static final int IMAGE_BLOCK_BYTES = 7 * Vector.BYTES;

    private final long images;
    private final long pixels;
    private final int channels;
    private final int blocks;
    private final Memory ofChannels;
    private final Memory ofImages;

    /** A row of a table: 16 numbers, after what a register points to. */
    record Row(General block, int index) {
        Address address() {
            return new Address(block, offset());
        }

        int offset() {
            return index * Vector.BYTES;
        }
    }

    Tables(long images, long pixels, int channels) {
        this.images = images;
        this.pixels = pixels;
        this.channels = channels;
        this.blocks = (channels + Vector.LANES - 1) / Vector.LANES;
        this.ofChannels = new Memory((long) blocks * CHANNEL_BYTES);
        this.ofImages = new Memory(images * imageBytes());
        ofChannels.clear();
        ofImages.clear();
    }

    long images() {
        return images;
    }

    long pixels() {
        return pixels;
    }

    int channels() {
        return channels;
    }

    Pointer ofChannels() {
        return ofChannels;
    }

    Pointer ofImages() {
        return ofImages;
    }

    long imageBytes() {
        return (long) blocks * IMAGE_BLOCK_BYTES;
    }

    /** Puts a number for each channel. */
    void put(Row row, float[] values) {
        for (int block = 0; block < blocks; block++) {
            int first = block * Vector.LANES;
            ofChannels.write((long) block * CHANNEL_BYTES + row.offset(), values, first, lanes(first));
        }
    }

    /** Puts a number for each channel of each image, from [images, channels]. */
    void putByImage(Row row, float[] values) {
        forEachBlock((image, first, at) ->
                ofImages.write(at + row.offset(), values, (int) image * channels + first, lanes(first)));
    }

    /** Gets a number for each channel of each image, as [images, channels]. */
    void getByImage(Row row, Pointer values) {
        float[] copied = new float[Vector.LANES];
        forEachBlock((image, first, at) -> {
            int count = lanes(first);
            ofImages.read(at + row.offset(), copied, 0, count);
            values.write((image * channels + first) * Float.BYTES, copied, 0, count);
        });
    }

    /** Sets all sums to zero, and nothing else. */
    void clearSums() {
        float[] zeros = new float[SUMS * Vector.LANES];
        forEachBlock((image, first, at) -> ofImages.write(at, zeros, 0, zeros.length));
    }

    /** The sum of all images, for each channel. */
    double[] sum(Row row) {
        double[] sums = new double[channels];
        float[] copied = new float[Vector.LANES];
        forEachBlock((image, first, at) -> {
            int count = lanes(first);
            ofImages.read(at + row.offset(), copied, 0, count);
            for (int i = 0; i < count; i++) {
                sums[first + i] += copied[i];
            }
        });
        return sums;
    }

    /** The sum over all images of a row times factor, for each channel. */
    double[] sumByFactor(Row row) {
        double[] sums = new double[channels];
        addProducts(sums, row, FACTOR);
        return sums;
    }

    /** The sum over all images of one row times factor plus another times summand, for each channel. */
    double[] sumByFactors(Row timesFactor, Row timesSummand) {
        double[] sums = sumByFactor(timesFactor);
        addProducts(sums, timesSummand, SUMMAND);
        return sums;
    }

    private void addProducts(double[] sums, Row one, Row other) {
        float[] ones = new float[Vector.LANES];
        float[] others = new float[Vector.LANES];
        forEachBlock((image, first, at) -> {
            int count = lanes(first);
            ofImages.read(at + one.offset(), ones, 0, count);
            ofImages.read(at + other.offset(), others, 0, count);
            for (int i = 0; i < count; i++) {
                sums[first + i] += (double) ones[i] * others[i];
            }
        });
    }

    private interface BlockVisitor {
        void visit(long image, int firstChannel, long at);
    }

    private void forEachBlock(BlockVisitor visitor) {
        for (long image = 0; image < images; image++) {
            for (int block = 0; block < blocks; block++) {
                visitor.visit(image, block * Vector.LANES, image * imageBytes() + (long) block * IMAGE_BLOCK_BYTES);
            }
        }
    }

    /** How many of a block's 16 channels there are. */
    private int lanes(int firstChannel) {
        return Math.min(Vector.LANES, channels - firstChannel);
    }

    @Override
    public void close() {
        ofChannels.close();
        ofImages.close();
    }
}

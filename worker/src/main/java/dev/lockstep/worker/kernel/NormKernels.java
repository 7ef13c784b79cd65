package dev.lockstep.worker.kernel;

import com.sun.jna.Pointer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Batch norm z = (x - mean) scale + offset and SiLU y = silu(z), or a residual after it, in as few passes over the memory of [images, pixels, channels] as the sums
 * allow. All go by blocks of 16 channels. What they need of a channel lies in a table, what they sum up for each image in another
 * ({@link Tables}).
 *
 * <p>A kernel goes through all images, or through some pixels of one; what it sums up it adds. Images are given by the address of the first pixel.
 */
final class NormKernels {
    private static final Map<Elements, NormKernels> LOADED = new ConcurrentHashMap<>();

    private final Elements elements;
    private final MachineCode statistics;
    private final MachineCode forward;
    private final MachineCode outputSums;
    private final MachineCode scaledForward;
    private final MachineCode sums;
    private final MachineCode sumsAndOutput;
    private final MachineCode backward;
    private final MachineCode squeezedSums;
    private final MachineCode squeezedSumsAndOutput;
    private final MachineCode squeezedBackward;
    private final MachineCode normalized;
    private final MachineCode scaledWithResidual;
    private final MachineCode linearSums;
    private final MachineCode linearBackward;

    /** What a kernel goes through: images from one on, and so many pixels of each. */
    record Part(long firstImage, long images, long pixels) {
        static Part all(Tables tables) {
            return new Part(0, tables.images(), tables.pixels());
        }

        static Part ofImage(long image, long pixels) {
            return new Part(image, 1, pixels);
        }
    }

    private NormKernels(Elements elements) {
        this.elements = elements;
        statistics = MachineCode.of(NormCode.statistics(elements));
        forward = MachineCode.of(NormCode.forward(elements));
        outputSums = MachineCode.of(NormCode.outputSums(elements));
        scaledForward = MachineCode.of(NormCode.scaledForward(elements));
        sums = MachineCode.of(NormCode.sums(elements, false));
        sumsAndOutput = MachineCode.of(NormCode.sums(elements, true));
        backward = MachineCode.of(NormCode.backward(elements, false));
        squeezedSums = MachineCode.of(NormCode.squeezedSums(elements, false));
        squeezedSumsAndOutput = MachineCode.of(NormCode.squeezedSums(elements, true));
        squeezedBackward = MachineCode.of(NormCode.backward(elements, true));
        normalized = MachineCode.of(NormCode.normalized(elements));
        scaledWithResidual = MachineCode.of(NormCode.scaledWithResidual(elements));
        linearSums = MachineCode.of(NormCode.linearSums(elements));
        linearBackward = MachineCode.of(NormCode.linearBackward(elements));
    }

    /** Those for such images, which the processor must serve. */
    static NormKernels of(Elements elements) {
        return LOADED.computeIfAbsent(elements, NormKernels::new);
    }

    /** Sums x - mean and its square for each image. */
    void statistics(Part part, long input, Tables tables) {
        call(statistics, part, tables, input, input, input);
    }

    /** Writes y, and sums it for each image. */
    void forward(Part part, long input, long output, Tables tables) {
        call(forward, part, tables, input, input, output);
    }

    /** Sums y for each image, and writes nothing. */
    void outputSums(Part part, long input, Tables tables) {
        call(outputSums, part, tables, input, input, input);
    }

    /** Writes y factor. */
    void scaledForward(Part part, long input, long output, Tables tables) {
        call(scaledForward, part, tables, input, input, output);
    }

    /** With dz the gradient by silu's input: sums dz and dz (x - mean) for each image. */
    void sums(Part part, long input, long outputGradient, Tables tables) {
        call(sums, part, tables, input, outputGradient, input);
    }

    /** The same, and writes y. */
    void sumsAndOutput(Part part, long input, long outputGradient, long output, Tables tables) {
        call(sumsAndOutput, part, tables, input, outputGradient, output);
    }

    /**
     * The same for dz that is the gradient of y times some factor plus some summand, which need not be known: sums what dz would be by the
     * gradient alone and by ones in its place. Sums the gradient times y as well.
     */
    void squeezedSums(Part part, long input, long outputGradient, Tables tables) {
        call(squeezedSums, part, tables, input, outputGradient, input);
    }

    /** The same, and writes y factor. */
    void squeezedSumsAndOutput(Part part, long input, long outputGradient, long output, Tables tables) {
        call(squeezedSumsAndOutput, part, tables, input, outputGradient, output);
    }

    /**
     * Writes the input's gradient: scale dz + (x - mean) slope + constant.
     *
     * @param gradient where it goes, which may be where the output's gradient is
     */
    void backward(Part part, long input, long outputGradient, long gradient, Tables tables, boolean squeezed) {
        call(squeezed ? squeezedBackward : backward, part, tables, input, outputGradient, gradient);
    }

    /** Writes z. */
    void normalized(Part part, long input, long output, Tables tables) {
        call(normalized, part, tables, input, input, output);
    }

    /** Writes z factor + residual. */
    void scaledWithResidual(Part part, long input, long residual, long output, Tables tables) {
        call(scaledWithResidual, part, tables, input, residual, output);
    }

    /** Sums the gradient, and the gradient times (x - mean), for each image. */
    void linearSums(Part part, long input, long gradient, Tables tables) {
        call(linearSums, part, tables, input, gradient, input);
    }

    /** Writes the input's gradient as {@link #backward} does, where dz is the output's gradient times factor. */
    void linearBackward(Part part, long input, long outputGradient, long gradient, Tables tables) {
        call(linearBackward, part, tables, input, outputGradient, gradient);
    }

    private void call(MachineCode kernel, Part part, Tables tables, long input, long gradient, long output) {
        long rest = tables.channels() % Vector.LANES;
        long[] values = new long[PixelCode.ARGUMENTS];
        values[PixelCode.INPUT] = input;
        values[PixelCode.GRADIENT] = gradient;
        values[PixelCode.OUTPUT] = output;
        values[PixelCode.CHANNELS] = Pointer.nativeValue(tables.ofChannels());
        values[PixelCode.IMAGE_SUMS] = Pointer.nativeValue(tables.ofImages()) + part.firstImage() * tables.imageBytes();
        values[PixelCode.WHOLE_BLOCKS] = tables.channels() / Vector.LANES;
        values[PixelCode.REST_BYTES] = rest * elements.bytes();
        values[PixelCode.REST_MASK] = (1L << rest) - 1;
        values[PixelCode.IMAGE_BYTES] = tables.imageBytes();
        values[PixelCode.PIXEL_BYTES] = (long) tables.channels() * elements.bytes();
        values[PixelCode.FOURS] = part.pixels() / PixelCode.PIXELS;
        values[PixelCode.PIXELS_LEFT] = part.pixels() % PixelCode.PIXELS;
        values[PixelCode.IMAGES_TO_DO] = part.images();
        kernel.call(values);
    }
}

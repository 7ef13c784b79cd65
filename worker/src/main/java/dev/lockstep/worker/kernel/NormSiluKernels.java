package dev.lockstep.worker.kernel;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Batch norm and SiLU, y = silu((x - mean) scale + offset), in as few passes over the memory of [images, pixels, channels] as the sums
 * allow. All go by blocks of 16 channels. What they need of a channel lies in a table, what they sum up for each image in another
 * ({@link Tables}).
 */
final class NormSiluKernels {
    private static final Map<Elements, NormSiluKernels> LOADED = new ConcurrentHashMap<>();

    private final Elements elements;
    private final MachineCode statistics;
    private final MachineCode forward;
    private final MachineCode products;
    private final MachineCode sums;
    private final MachineCode backward;
    private final MachineCode squeezedSums;
    private final MachineCode squeezedBackward;

    private NormSiluKernels(Elements elements) {
        this.elements = elements;
        statistics = MachineCode.of(NormSiluCode.statistics(elements));
        forward = MachineCode.of(NormSiluCode.forward(elements));
        products = MachineCode.of(NormSiluCode.products(elements));
        sums = MachineCode.of(NormSiluCode.sums(elements, false));
        backward = MachineCode.of(NormSiluCode.backward(elements, false));
        squeezedSums = MachineCode.of(NormSiluCode.sums(elements, true));
        squeezedBackward = MachineCode.of(NormSiluCode.backward(elements, true));
    }

    /** Those for such images, which the processor must serve. */
    static NormSiluKernels of(Elements elements) {
        return LOADED.computeIfAbsent(elements, NormSiluKernels::new);
    }

    /** Sums x - mean and its square for each image. */
    void statistics(Pointer input, Tables tables) {
        call(statistics, input, input, tables);
    }

    /** Writes y, and sums it for each image. */
    void forward(Pointer input, Pointer output, Tables tables) {
        call(forward, input, output, tables);
    }

    /** Sums a b for each image. */
    void products(Pointer a, Pointer b, Tables tables) {
        call(products, a, b, tables);
    }

    /**
     * With dz the gradient by silu's input: sums dz and dz (x - mean) for each image.
     *
     * @param squeezed whether the gradient is that of y times the tables' factor
     */
    void sums(Pointer input, Pointer outputGradient, Tables tables, boolean squeezed) {
        call(squeezed ? squeezedSums : sums, input, outputGradient, tables);
    }

    /** Turns the output's gradient into the input's: scale dz + (x - mean) slope + constant. */
    void backward(Pointer input, Pointer gradient, Tables tables, boolean squeezed) {
        call(squeezed ? squeezedBackward : backward, input, gradient, tables);
    }

    private void call(MachineCode kernel, Pointer input, Pointer second, Tables tables) {
        long rest = tables.channels() % Vector.LANES;
        long[] values = new long[NormSiluCode.ARGUMENTS];
        values[NormSiluCode.INPUT] = Pointer.nativeValue(input);
        values[NormSiluCode.SECOND] = Pointer.nativeValue(second);
        values[NormSiluCode.CHANNELS] = Pointer.nativeValue(tables.ofChannels());
        values[NormSiluCode.IMAGES] = Pointer.nativeValue(tables.ofImages());
        values[NormSiluCode.WHOLE_BLOCKS] = tables.channels() / Vector.LANES;
        values[NormSiluCode.REST_BYTES] = rest * elements.bytes();
        values[NormSiluCode.REST_MASK] = (1L << rest) - 1;
        values[NormSiluCode.IMAGE_BYTES] = tables.imageBytes();
        values[NormSiluCode.PIXEL_BYTES] = (long) tables.channels() * elements.bytes();
        values[NormSiluCode.FOURS] = tables.pixels() / NormSiluCode.PIXELS;
        values[NormSiluCode.PIXELS_LEFT] = tables.pixels() % NormSiluCode.PIXELS;
        values[NormSiluCode.IMAGES_TO_DO] = tables.images();
        try (Memory argument = new Memory((long) NormSiluCode.ARGUMENTS * Long.BYTES)) {
            argument.write(0, values, 0, NormSiluCode.ARGUMENTS);
            kernel.call(argument);
        }
    }
}

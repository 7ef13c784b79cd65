package dev.lockstep.worker.kernel;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Platform;
import com.sun.jna.Pointer;
import dev.lockstep.worker.kernel.Assembler.Vector;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Batch norm and SiLU, y = silu((x - mean) scale + offset), in as few passes over the memory of [images, pixels, channels] as the sums
 * allow. All go by blocks of 16 channels. What they need of a channel lies in a table, what they sum up for each image in another
 * ({@link Tables}).
 */
final class NormSiluKernels {
    private static final Path CPU = Path.of("/proc/cpuinfo");

    private static final Map<Elements, NormSiluKernels> LOADED = load();

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

    /**
     * Empty where the processor lacks the parts of AVX-512 that they need, or the system forbids a process to execute what it has
     * written.
     */
    static Optional<NormSiluKernels> loaded(Elements elements) {
        return Optional.ofNullable(LOADED.get(elements));
    }

    private static Map<Elements, NormSiluKernels> load() {
        if (!Platform.isLinux() || !Platform.isIntel() || !Platform.is64Bit()) {
            return Map.of();
        }
        Map<Elements, NormSiluKernels> loaded = new EnumMap<>(Elements.class);
        try {
            for (Elements elements : Elements.values()) {
                if (processorHas(processorFlags(elements))) {
                    loaded.put(elements, new NormSiluKernels(elements));
                }
            }
        } catch (LastErrorException e) {
            return Map.of();
        }
        return loaded;
    }

    /** As Linux names them. */
    private static List<String> processorFlags(Elements elements) {
        return switch (elements) {
            case FLOAT32 -> List.of("avx512f", "avx512dq");
            case BFLOAT16 -> List.of("avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_bf16");
        };
    }

    private static boolean processorHas(List<String> flags) {
        try {
            return Files.readAllLines(CPU).stream()
                    .filter(line -> line.startsWith("flags"))
                    .limit(1)
                    .anyMatch(line -> List.of(line.split("\\s+")).containsAll(flags));
        } catch (IOException e) {
            return false;
        }
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

package dev.lockstep.worker.kernel;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import com.sun.jna.LastErrorException;
import com.sun.jna.Platform;
import dev.lockstep.worker.libtorch.LibTorch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/** Which kernels this machine can execute: {@link NormSilu}'s and {@link Depthwise}'s go together. */
public final class Kernels {
    /** What {@link #describe} says where none serves. */
    public static final String LIBTORCH = "libtorch";

    private static final Path CPU = Path.of("/proc/cpuinfo");
    private static final Set<Elements> SERVED = find();

    private Kernels() {}

    /**
     * Whether kernels know such an array, and this machine, and this process's number of threads, let them serve.
     *
     * @param images [N, C, H, W]
     */
    public static boolean fit(PtNDArray images) {
        return JniUtils.getNumThreads() == 1
                && Elements.of(images).filter(Kernels::serves).isPresent()
                && LibTorch.isDenseChannelsLast(images);
    }

    /** Which images the kernels serve in this process, or {@link #LIBTORCH}. */
    public static String describe() {
        String served = SERVED.stream()
                .map(elements -> elements.name().toLowerCase(Locale.ROOT))
                .collect(Collectors.joining(" and "));
        return served.isEmpty() || JniUtils.getNumThreads() != 1 ? LIBTORCH : "AVX-512 for channels-last " + served;
    }

    /** False where the processor lacks the parts of AVX-512 that are needed, or the system forbids a process to execute what it has written. */
    static boolean serves(Elements elements) {
        return SERVED.contains(elements);
    }

    private static Set<Elements> find() {
        Set<Elements> served = EnumSet.noneOf(Elements.class);
        if (Platform.isLinux() && Platform.isIntel() && Platform.is64Bit() && executes()) {
            List<String> flags = flags();
            Arrays.stream(Elements.values())
                    .filter(elements -> flags.containsAll(needed(elements)))
                    .forEach(served::add);
        }
        return served;
    }

    private static boolean executes() {
        try {
            Assembler code = new Assembler();
            code.begin();
            code.finish();
            MachineCode.of(code.code());
            return true;
        } catch (LastErrorException e) {
            return false;
        }
    }

    private static List<String> flags() {
        try {
            return Files.readAllLines(CPU).stream()
                    .filter(line -> line.startsWith("flags"))
                    .findFirst()
                    .map(line -> List.of(line.split("\\s+")))
                    .orElse(List.of());
        } catch (IOException e) {
            return List.of();
        }
    }

    /** As Linux names them. */
    private static List<String> needed(Elements elements) {
        return switch (elements) {
            case FLOAT32 -> List.of("avx512f", "avx512dq");
            case BFLOAT16 -> List.of("avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_bf16");
        };
    }
}

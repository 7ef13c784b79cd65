package dev.lockstep.worker.kernel;

import com.sun.jna.LastErrorException;
import com.sun.jna.Platform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** Which kernels this machine can execute. */
final class Processor {
    private static final Path CPU = Path.of("/proc/cpuinfo");
    private static final Set<Elements> SERVED = find();

    private Processor() {}

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

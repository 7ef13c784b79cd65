package dev.lockstep.worker.libtorch;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalDouble;

/** What Linux tells of this process's resident memory; nothing on other systems. Shared pages that it touched are in it. */
public final class ResidentMemory {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Path CLEAR_REFERENCES = Path.of("/proc/self/clear_refs");
    private static final String RESET_PEAK = "5";
    private static final double KIB_PER_MIB = 1024;

    private ResidentMemory() {}

    /** Gives freed memory back and starts the peak anew from what is resident now. */
    public static void resetPeak() {
        LibC.trimHeap();
        if (Files.isWritable(CLEAR_REFERENCES)) {
            try {
                Files.writeString(CLEAR_REFERENCES, RESET_PEAK);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** The most that was resident since {@link #resetPeak}, in MiB; empty where the platform does not tell. */
    public static OptionalDouble peakMiB() {
        return Files.isWritable(CLEAR_REFERENCES) ? status("VmHWM:") : OptionalDouble.empty();
    }

    /** What is resident now, in MiB; empty where the platform does not tell. */
    public static OptionalDouble currentMiB() {
        return status("VmRSS:");
    }

    private static OptionalDouble status(String key) {
        if (!Files.isReadable(STATUS)) {
            return OptionalDouble.empty();
        }
        try {
            return Files.readAllLines(STATUS).stream()
                    .filter(line -> line.startsWith(key))
                    .mapToDouble(line -> Double.parseDouble(line.replaceAll("[^0-9]", "")) / KIB_PER_MIB)
                    .findFirst();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

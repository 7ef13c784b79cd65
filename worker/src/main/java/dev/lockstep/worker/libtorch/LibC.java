package dev.lockstep.worker.libtorch;

import com.sun.jna.LastErrorException;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Platform;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;

/** The C library's functions that the worker needs. They exist on Linux; elsewhere these methods do nothing. */
public final class LibC {
    private static final Path MAPPINGS = Path.of("/proc/self/maps");
    private static final long BLOCK_BYTES = 100;

    private LibC() {}

    private static final class Functions {
        static {
            Native.register(Functions.class, "c");
        }

        private Functions() {}

        @SuppressWarnings("checkstyle:methodname")
        static native int sched_setaffinity(int thread, NativeLong maskBytes, byte[] mask) throws LastErrorException;

        @SuppressWarnings("checkstyle:methodname")
        static native int malloc_trim(NativeLong keptBytes);
    }

    /**
     * Pins the calling thread, and the threads it starts from then on, to some CPUs.
     *
     * @throws LockstepException if the machine, or what it lends this process, lacks one of them
     */
    public static void pinThread(List<Integer> cpus) {
        if (!Platform.isLinux()) {
            return;
        }
        BitSet set = new BitSet();
        cpus.forEach(set::set);
        // The kernel reads whole words.
        byte[] mask = new byte[(set.length() + Long.SIZE - 1) / Long.SIZE * Long.BYTES];
        byte[] bits = set.toByteArray();
        System.arraycopy(bits, 0, mask, 0, bits.length);
        try {
            Functions.sched_setaffinity(0, new NativeLong(mask.length), mask);
        } catch (LastErrorException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "the training thread cannot be pinned to CPUs " + cpus + ": error " + e.getErrorCode(),
                    e);
        }
    }

    /**
     * Whether what the calling thread allocates lies in the process's heap proper, as glibc's main arena does, and not in one of the
     * arenas that it makes for other threads. False where that cannot be told.
     */
    public static boolean allocatesInHeap() {
        if (!Platform.isLinux()) {
            return false;
        }
        long block = Native.malloc(BLOCK_BYTES);
        try {
            return Files.readAllLines(MAPPINGS).stream()
                    .filter(line -> line.endsWith("[heap]"))
                    .map(line -> line.substring(0, line.indexOf(' ')).split("-", -1))
                    .anyMatch(range -> Long.compareUnsigned(Long.parseUnsignedLong(range[0], 16), block) <= 0
                            && Long.compareUnsigned(block, Long.parseUnsignedLong(range[1], 16)) < 0);
        } catch (IOException e) {
            // There is no telling.
            return false;
        } finally {
            Native.free(block);
        }
    }

    /** Gives memory that was freed back to the system. */
    public static void trimHeap() {
        if (Platform.isLinux()) {
            Functions.malloc_trim(new NativeLong(0));
        }
    }
}

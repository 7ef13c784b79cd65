package dev.lockstep.worker.libtorch;

import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Platform;
import dev.lockstep.common.memory.HugePages;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

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
        static native int malloc_trim(NativeLong keptBytes);
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
            return heap().anyMatch(range ->
                    Long.compareUnsigned(range.begin, block) <= 0 && Long.compareUnsigned(block, range.end) < 0);
        } catch (IOException e) {
            // There is no telling.
            return false;
        } finally {
            Native.free(block);
        }
    }

    /** Addresses of a mapping. */
    private record Range(long begin, long end) {
        /** Of a line of the memory map that begins as in {@code 55d0c000-55d2d000 rw-p}. */
        private static Range of(String line) {
            String[] ends = line.substring(0, line.indexOf(' ')).split("-", -1);
            return new Range(Long.parseUnsignedLong(ends[0], 16), Long.parseUnsignedLong(ends[1], 16));
        }
    }

    private static Stream<Range> heap() throws IOException {
        return Files.readAllLines(MAPPINGS).stream()
                .filter(line -> line.endsWith("[heap]"))
                .map(Range::of);
    }

    /** Gives memory that was freed back to the system. */
    public static void trimHeap() {
        if (Platform.isLinux()) {
            Functions.malloc_trim(new NativeLong(0));
        }
    }

    /**
     * Has the kernel put the heap into huge pages again where {@link #trimHeap} has left it in small ones: a huge page of which a part was given
     * back stays in pieces. Where the kernel cannot do it, before Linux 6.1, or has no huge page left, the heap stays as it is.
     */
    public static void collapseHeap() {
        if (!Platform.isLinux()) {
            return;
        }
        try {
            heap().forEach(range -> HugePages.collapse(range.begin, range.end));
        } catch (IOException e) {
            // Without its memory map a process has bigger worries; the heap stays as it is.
            return;
        }
    }
}

package dev.lockstep.common.memory;

import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;

/** Linux's transparent huge pages. */
public final class HugePages {
    /** Size of one. */
    static final long BYTES = 2 << 20;

    /** {@code MADV_COLLAPSE} of Linux 6.1 and newer. */
    private static final int COLLAPSE = 25;

    private HugePages() {}

    /** The C function used, from libc. */
    private static final class LibC {
        static {
            Native.register(LibC.class, "c");
        }

        private LibC() {}

        static native int madvise(Pointer address, NativeLong bytes, int advice);
    }

    /**
     * Has the kernel put this process's memory between two addresses into huge pages, those that lie there as a whole. What it cannot, before
     * Linux 6.1, where nothing lies yet, or where it has no huge page left, stays as it is. Call it on Linux alone.
     */
    public static void collapse(long begin, long end) {
        // One by one: the first that cannot be would end a longer call.
        for (long page = (begin + BYTES - 1) / BYTES * BYTES; page + BYTES <= end; page += BYTES) {
            LibC.madvise(new Pointer(page), new NativeLong(BYTES), COLLAPSE);
        }
    }
}

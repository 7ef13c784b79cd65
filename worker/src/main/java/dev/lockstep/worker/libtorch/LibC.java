package dev.lockstep.worker.libtorch;

import com.sun.jna.LastErrorException;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Platform;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.util.BitSet;
import java.util.List;

/** The C library's functions that the worker needs. They exist on Linux; elsewhere these methods do nothing. */
public final class LibC {
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

    /** Gives memory that was freed back to the system. */
    public static void trimHeap() {
        if (Platform.isLinux()) {
            Functions.malloc_trim(new NativeLong(0));
        }
    }
}

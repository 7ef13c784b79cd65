package dev.lockstep.common.threads;

import com.sun.jna.LastErrorException;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Platform;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.util.BitSet;
import java.util.List;

/** Pins threads to logical processors, as Linux numbers both; elsewhere it does nothing. */
public final class ThreadAffinity {
    /** Stands for the calling thread. */
    private static final int CALLER = 0;

    private static final int NO_SUCH_THREAD = 3;

    private ThreadAffinity() {}

    /** The C function used, from libc. */
    private static final class Functions {
        static {
            Native.register(Functions.class, "c");
        }

        private Functions() {}

        @SuppressWarnings("checkstyle:methodname")
        static native int sched_setaffinity(int thread, NativeLong maskBytes, byte[] mask) throws LastErrorException;
    }

    /**
     * Pins the calling thread, and the threads it starts from then on.
     *
     * @throws LockstepException ENVIRONMENT if the machine, or what it lends this process, lacks one of the processors
     */
    public static void pinCaller(List<Integer> processors) {
        try {
            set(CALLER, processors);
        } catch (LastErrorException e) {
            throw refused("the training thread", processors, e);
        }
    }

    /**
     * Pins a thread of any process of this user; nothing happens where it has ended.
     *
     * @param thread its id, as in {@code /proc/PID/task}
     * @throws LockstepException ENVIRONMENT if that is not allowed
     */
    public static void pin(int thread, List<Integer> processors) {
        try {
            set(thread, processors);
        } catch (LastErrorException e) {
            if (e.getErrorCode() != NO_SUCH_THREAD) {
                throw refused("thread " + thread, processors, e);
            }
        }
    }

    private static void set(int thread, List<Integer> processors) {
        if (!Platform.isLinux()) {
            return;
        }
        BitSet set = new BitSet();
        processors.forEach(set::set);
        // The kernel reads whole words.
        byte[] mask = new byte[(set.length() + Long.SIZE - 1) / Long.SIZE * Long.BYTES];
        byte[] bits = set.toByteArray();
        System.arraycopy(bits, 0, mask, 0, bits.length);
        Functions.sched_setaffinity(thread, new NativeLong(mask.length), mask);
    }

    private static LockstepException refused(String thread, List<Integer> processors, LastErrorException cause) {
        return new LockstepException(
                FailureCategory.ENVIRONMENT,
                thread + " cannot be pinned to CPUs " + processors + ": error " + cause.getErrorCode(),
                cause);
    }
}

package dev.lockstep.common.memory;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Platform;
import com.sun.jna.Pointer;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * Sleeping on a 32-bit word of memory that processes share, and waking who sleeps there: Linux's futex. A sleeper burns nothing and is
 * back within microseconds of being woken. Where there is no futex, sleeping is a nap of fixed length, and waking does nothing.
 */
final class Futex {
    /** The longest sleep: who is not woken looks again after this. */
    static final Duration LONGEST_SLEEP = Duration.ofMillis(250);

    private static final Duration NAP = Duration.ofNanos(50_000);
    private static final long SYSTEM_CALL = 202;
    private static final int WAIT = 0;
    private static final int WAKE = 1;
    private static final int SECONDS_AND_NANOS_BYTES = 16;
    private static final boolean AVAILABLE =
            Platform.isLinux() && Platform.is64Bit() && Platform.isIntel() && Functions.answers();

    private Futex() {}

    /** The C function used, from libc. Not with {@code errno}: a sleeper looks at the word again however it was woken. */
    private static final class Functions {
        private static final Memory LONGEST = new Memory(SECONDS_AND_NANOS_BYTES);
        private static final long LONGEST_ADDRESS = Pointer.nativeValue(LONGEST);

        static {
            Native.register(Functions.class, "c");
            LONGEST.setLong(0, LONGEST_SLEEP.toSeconds());
            LONGEST.setLong(Long.BYTES, LONGEST_SLEEP.toNanosPart());
        }

        private Functions() {}

        static native long syscall(long number, long word, long operation, long value, long timeout);

        /** Whether the kernel lets this process use it: nobody sleeps on the word, so that none is woken. */
        static boolean answers() {
            try (Memory word = new Memory(Integer.BYTES)) {
                return syscall(SYSTEM_CALL, Pointer.nativeValue(word), WAKE, 1, 0) == 0;
            }
        }
    }

    /**
     * Sleeps while the word has a value, until it is woken and {@link #LONGEST_SLEEP} at most. It may return early.
     *
     * @param word address of the word
     */
    static void sleep(long word, int value) {
        if (AVAILABLE) {
            Functions.syscall(SYSTEM_CALL, word, WAIT, value, Functions.LONGEST_ADDRESS);
        } else {
            LockSupport.parkNanos(NAP.toNanos());
        }
    }

    /** Wakes one sleeper of a word, whose value must have been changed before. */
    static void wake(long word) {
        if (AVAILABLE) {
            Functions.syscall(SYSTEM_CALL, word, WAKE, 1, 0);
        }
    }
}

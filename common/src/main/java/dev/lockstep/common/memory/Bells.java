package dev.lockstep.common.memory;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A bell per rank, for waiting without burning a core. A rank that waits leaves at its bell what it waits for; whoever makes progress
 * looks at the others' bells and rings those whose wait that ends. So a rank is woken once per wait, by the last one it waits for.
 *
 * <p>No wake-up is lost: a sleeper sets its bell before it looks at the others' progress a last time, and they publish their progress
 * before they look at its bell. These four accesses are volatile, so that at least one of the two sees the other's.
 */
final class Bells {
    private static final VarHandle WORD = MethodHandles.byteBufferViewVarHandle(int[].class, ByteOrder.nativeOrder());
    private static final int SILENT = 0;
    private static final int SET = 1;

    private final ByteBuffer control;
    private final long controlAddress;
    private final SegmentLayout layout;

    /** What a rank waits for: that the ranks from {@code first} to {@code end - 1}, but for itself, have come to {@code progress}. */
    record Awaited(int first, int end, long progress) {}

    /** @param control the control words as they are mapped */
    Bells(ByteBuffer control, SegmentLayout layout) {
        this.control = control;
        this.controlAddress = Pointer.nativeValue(Native.getDirectBufferPointer(control));
        this.layout = layout;
    }

    /** Sets a rank's bell. Only that rank calls it, and looks at what it waits for before it sleeps. */
    void set(int rank, Awaited awaited) {
        int bell = layout.bellOffset(rank);
        control.putInt(bell + SegmentLayout.BELL_FIRST, awaited.first);
        control.putInt(bell + SegmentLayout.BELL_END, awaited.end);
        control.putLong(bell + SegmentLayout.BELL_PROGRESS, awaited.progress);
        WORD.setVolatile(control, bell, SET);
    }

    /** What a rank waits for; null if its bell is not set. While that rank goes from one wait to the next it may be a bit of both. */
    Awaited awaited(int rank) {
        int bell = layout.bellOffset(rank);
        if ((int) WORD.getVolatile(control, bell) != SET) {
            return null;
        }
        return new Awaited(
                control.getInt(bell + SegmentLayout.BELL_FIRST),
                control.getInt(bell + SegmentLayout.BELL_END),
                control.getLong(bell + SegmentLayout.BELL_PROGRESS));
    }

    /** Sleeps until the bell is rung, for {@link Futex#LONGEST_SLEEP} at most. Returns at once if it has been. */
    void sleep(int rank) {
        Futex.sleep(controlAddress + layout.bellOffset(rank), SET);
    }

    /** Ends a wait that needs no ringing any more. */
    void silence(int rank) {
        WORD.setVolatile(control, layout.bellOffset(rank), SILENT);
    }

    /** Wakes a rank, if its bell is set. */
    void ring(int rank) {
        int bell = layout.bellOffset(rank);
        if (WORD.compareAndSet(control, bell, SET, SILENT)) {
            Futex.wake(controlAddress + bell);
        }
    }
}

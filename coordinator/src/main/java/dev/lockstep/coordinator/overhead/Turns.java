package dev.lockstep.coordinator.overhead;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.time.Duration;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * Two sides train in turns of some seconds, one standing still while the other trains, so that a machine whose speed changes by the minute is as
 * fast for both. A step in which a side stood still is longer than a turn, and so known.
 */
public final class Turns {
    private final Standstill standstill;
    private final Duration turn;
    private final Duration limit;
    private final LongSupplier nanos;

    /** One side. */
    public interface Side {
        /** As in {@code bare loops}. */
        String name();

        /** Its processes. */
        List<Long> pids();

        /** Looks whether it has done what it was to do, for some second at most. Asked only while it trains. */
        boolean isThrough();
    }

    /**
     * Makes turns.
     *
     * @param turn how long each is
     * @param limit how long a side may train in all
     * @param nanos a clock
     */
    public Turns(Standstill standstill, Duration turn, Duration limit, LongSupplier nanos) {
        this.standstill = standstill;
        this.turn = turn;
        this.limit = limit;
        this.nanos = nanos;
    }

    /**
     * Lets both train until both are through; the one that is through first stands still from then on.
     *
     * @param first trains already
     * @param second stands still; both go on at the end
     * @throws LockstepException TIMEOUT if a side takes too long, or what {@link Side#isThrough} throws
     */
    public void take(Side first, Side second) {
        Turn now = new Turn(first);
        Turn other = new Turn(second);
        while (!now.train() || !other.through) {
            if (!other.through) {
                standstill.stop(now.side.pids());
                standstill.goOn(other.side.pids());
                Turn next = other;
                other = now;
                now = next;
            }
        }
        standstill.goOn(other.side.pids());
    }

    private final class Turn {
        private final Side side;
        private long trainedNanos;
        private boolean through;

        private Turn(Side side) {
            this.side = side;
        }

        /** Trains for a turn, or until it is through. */
        private boolean train() {
            long start = nanos.getAsLong();
            long taken = 0;
            while (!through && taken < turn.toNanos()) {
                through = side.isThrough();
                taken = nanos.getAsLong() - start;
            }
            trainedNanos += taken;
            if (!through && trainedNanos > limit.toNanos()) {
                throw new LockstepException(
                        FailureCategory.TIMEOUT,
                        "the %s were not through after %d s of training".formatted(side.name(), limit.toSeconds()));
            }
            return through;
        }
    }
}

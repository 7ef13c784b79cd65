package dev.lockstep.coordinator.overhead;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
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
    private final Consumer<Duration> pause;

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
     * @param pause waits
     */
    public Turns(Standstill standstill, Duration turn, Duration limit, LongSupplier nanos, Consumer<Duration> pause) {
        this.standstill = standstill;
        this.turn = turn;
        this.limit = limit;
        this.nanos = nanos;
        this.pause = pause;
    }

    /**
     * Lets both train until both are through; the one that is through first stands still from then on. The first turn is half as long, and
     * so will be the last of the same side: a machine that gets faster or slower all the while does so for both sides alike. Whoever stands
     * still does so for a turn at least, so that the step it stood still in can be told from the others.
     *
     * @param first trains already
     * @param second stands still; both go on at the end
     * @throws LockstepException TIMEOUT if a side takes too long, or what {@link Side#isThrough} throws
     */
    public void take(Side first, Side second) {
        Turn now = new Turn(first);
        Turn other = new Turn(second);
        long leftNanos = now.train(turn.dividedBy(2));
        while (!now.through || !other.through) {
            if (!other.through) {
                if (leftNanos > 0) {
                    pause.accept(Duration.ofNanos(leftNanos));
                }
                standstill.stop(now.side.pids());
                standstill.goOn(other.side.pids());
                Turn next = other;
                other = now;
                now = next;
            }
            leftNanos = now.train(turn);
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

        /**
         * Trains for so long, or until it is through.
         *
         * @return what is left of that time; may be negative
         */
        private long train(Duration length) {
            long start = nanos.getAsLong();
            long taken = 0;
            while (!through && taken < length.toNanos()) {
                through = side.isThrough();
                taken = nanos.getAsLong() - start;
            }
            trainedNanos += taken;
            if (!through && trainedNanos > limit.toNanos()) {
                throw new LockstepException(
                        FailureCategory.TIMEOUT,
                        "the %s were not through after %d s of training".formatted(side.name(), limit.toSeconds()));
            }
            return length.toNanos() - taken;
        }
    }
}

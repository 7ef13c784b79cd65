package dev.lockstep.worker.step;

import dev.lockstep.common.work.GpuNanos;
import dev.lockstep.common.work.PhaseNanos;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.Supplier;

/** Times the phases of one step: each lasts from the mark before it to its own. */
interface PhaseClock {
    /** The phases of {@link PhaseNanos}. */
    enum Phase {
        SCATTER,
        REPLICATE,
        FORWARD,
        GATHER,
        LOSS,
        BACKWARD,
        REDUCE,
        OPTIMIZER
    }

    /** Ends a phase: when what the device has been given so far is done. */
    void mark(Phase phase);

    /** Does what makes the host wait for the device or for another replica, so that it does not count as the host's work. */
    <T> T waiting(Supplier<T> action);

    /** The same, for what has no result. */
    default void waitFor(Runnable action) {
        waiting(() -> {
            action.run();
            return null;
        });
    }

    /** Ends the step: returns when the device is done with it. */
    StepTimes finish();

    /**
     * A step's times.
     *
     * @param gpu null on a CPU
     */
    record StepTimes(PhaseNanos phases, GpuNanos gpu) {}

    /** Adds up the parts of the phases. */
    final class Sums {
        private final Map<Phase, Long> nanos = new EnumMap<>(Phase.class);

        void add(Phase phase, long part) {
            nanos.merge(phase, part, Long::sum);
        }

        PhaseNanos phases() {
            return new PhaseNanos(
                    of(Phase.SCATTER),
                    of(Phase.REPLICATE),
                    of(Phase.FORWARD),
                    of(Phase.GATHER),
                    of(Phase.LOSS),
                    of(Phase.BACKWARD),
                    of(Phase.REDUCE),
                    of(Phase.OPTIMIZER));
        }

        private long of(Phase phase) {
            return nanos.getOrDefault(phase, 0L);
        }
    }
}

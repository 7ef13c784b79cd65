package dev.lockstep.worker.step;

import dev.lockstep.common.work.PhaseNanos;
import java.util.EnumMap;
import java.util.Map;

/** Times the phases of one step: each lasts from the mark before it to its own. */
final class PhaseClock {
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

    private final Map<Phase, Long> nanos = new EnumMap<>(Phase.class);
    private long last = System.nanoTime();

    /** Ends a phase. */
    void mark(Phase phase) {
        long now = System.nanoTime();
        nanos.merge(phase, now - last, Long::sum);
        last = now;
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

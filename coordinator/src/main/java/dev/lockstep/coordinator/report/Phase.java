package dev.lockstep.coordinator.report;

import dev.lockstep.common.report.Result.PhaseMillis;

/** The phases of a step in the order they run, and what is left of it. */
enum Phase {
    SCATTER("Scatter"),
    REPLICATE("Replicate"),
    FORWARD("Forward"),
    GATHER("Gather"),
    LOSS("Loss"),
    BACKWARD("Backward"),
    REDUCE("Reduce"),
    OPTIMIZER("Optimizer"),
    /** Not spent in any phase: commands, data, bookkeeping. */
    OTHER("Other");

    private final String heading;

    Phase(String heading) {
        this.heading = heading;
    }

    String heading() {
        return heading;
    }

    double millis(PhaseMillis phases) {
        return switch (this) {
            case SCATTER -> phases.scatter();
            case REPLICATE -> phases.replicate();
            case FORWARD -> phases.forward();
            case GATHER -> phases.gather();
            case LOSS -> phases.loss();
            case BACKWARD -> phases.backward();
            case REDUCE -> phases.reduce();
            case OPTIMIZER -> phases.optimizer();
            case OTHER -> phases.other();
        };
    }
}

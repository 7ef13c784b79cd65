package dev.lockstep.common.work;

/** Host time of each phase of one step on one rank, in nanoseconds, waits at barriers included. */
public record PhaseNanos(
        long scatter,
        long replicate,
        long forward,
        long gather,
        long loss,
        long backward,
        long reduce,
        long optimizer) {

    /** All phases together; what is left of the step is the report's {@code other}. */
    public long sum() {
        return scatter + replicate + forward + gather + loss + backward + reduce + optimizer;
    }
}

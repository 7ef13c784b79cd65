package dev.lockstep.common.work;

/**
 * Time of each phase of one step on one rank, in nanoseconds, waits at barriers included: by the host's clock on a CPU, by the GPU's
 * between the events that end the phases on a GPU.
 */
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

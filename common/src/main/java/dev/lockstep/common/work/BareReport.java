package dev.lockstep.common.work;

import java.util.List;

/**
 * How a bare training loop went.
 *
 * @param stepNanos each timed step, from the end of the step before it to its own end, as {@link StepReport#stepNanos} counts
 * @param finalLoss of the last timed step
 */
public record BareReport(List<Long> stepNanos, double finalLoss) {
    public BareReport {
        stepNanos = List.copyOf(stepNanos);
    }
}

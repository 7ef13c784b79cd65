package dev.lockstep.common.report;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import java.util.List;

/**
 * The search for the largest batch per device that fits.
 *
 * @param deviceCount the most devices of the plan
 * @param largestBatchPerDevice what it found; null when it came to nothing or is not at its end
 * @param tries in the order they were made
 * @param error why it came to nothing; null otherwise
 */
public record BatchSweep(
        Precision precision,
        Strategy strategy,
        int deviceCount,
        Integer largestBatchPerDevice,
        List<BatchTry> tries,
        Failure error) {

    public BatchSweep {
        tries = List.copyOf(tries);
    }
}

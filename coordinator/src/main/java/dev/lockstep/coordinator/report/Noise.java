package dev.lockstep.coordinator.report;

import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.Result.StepMillis;

/** How far a mean step time can be trusted. Results must be ok. */
final class Noise {
    /** Steps of one process are not independent of each other, so a tiny difference says nothing however many there are. */
    private static final double LEAST_FRACTION = 0.02;

    private static final double STANDARD_ERRORS = 2;

    private Noise() {}

    /** Standard deviation over mean; null for a single step. */
    static Double spread(Result result) {
        StepMillis step = result.stepMillis();
        return step.stddev() == null ? null : step.stddev() / step.mean();
    }

    /**
     * Whether two means differ by more than chance explains: by two standard errors of the difference and two percent. Never
     * for a single step, whose spread is unknown.
     */
    static boolean isDifferent(Result one, Result other) {
        return isBeyond(Math.abs(one.stepMillis().mean() - other.stepMillis().mean()), one, other);
    }

    /** Whether a difference in milliseconds is more than what the steps of both results scatter by. */
    static boolean isBeyond(double differenceMillis, Result one, Result other) {
        Double oneError = relativeError(one);
        Double otherError = relativeError(other);
        if (oneError == null || otherError == null) {
            return false;
        }
        double larger = Math.max(one.stepMillis().mean(), other.stepMillis().mean());
        double chance = STANDARD_ERRORS
                * Math.hypot(
                        oneError * one.stepMillis().mean(),
                        otherError * other.stepMillis().mean());
        return differenceMillis > Math.max(chance, LEAST_FRACTION * larger);
    }

    /** Whether a ratio of two throughputs differs from 1 by more than chance explains. */
    static boolean isChange(double ratio, Result one, Result other) {
        Double oneError = relativeError(one);
        Double otherError = relativeError(other);
        return oneError != null
                && otherError != null
                && Math.abs(ratio - 1) > Math.max(STANDARD_ERRORS * Math.hypot(oneError, otherError), LEAST_FRACTION);
    }

    /** Standard error of the mean, over the mean. */
    private static Double relativeError(Result result) {
        Double spread = spread(result);
        return spread == null ? null : spread / Math.sqrt(result.steps());
    }
}

package dev.lockstep.coordinator.report;

import dev.lockstep.common.report.Quality.Interval;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.Result.StepMillis;

/** How far a mean step time can be trusted. Results must be ok. */
final class Noise {
    /** What one run of a process differs from the next by is not in its steps, so a tiny difference says nothing however many there are. */
    private static final double LEAST_FRACTION = 0.02;

    private Noise() {}

    /** Standard deviation over mean; null for a single step. */
    static Double spread(Result result) {
        StepMillis step = result.stepMillis();
        return step.stddev() == null ? null : step.stddev() / step.mean();
    }

    /** The 95 % interval of the mean step; null for a single step. */
    static Interval interval(Result result) {
        // Reports from before there were intervals have the samples.
        return result.quality() != null
                ? result.quality().stepMillisInterval()
                : MeanInterval.of(result.samplesMillis());
    }

    /**
     * Whether two means differ by more than chance explains: by more than the 95 % interval of the difference, which follows from that of
     * each, and by two percent. Never for a single step, whose spread is unknown.
     */
    static boolean isDifferent(Result one, Result other) {
        return isBeyond(Math.abs(one.stepMillis().mean() - other.stepMillis().mean()), one, other);
    }

    /** Whether a difference in milliseconds is more than what the means of both results may be off by. */
    static boolean isBeyond(double differenceMillis, Result one, Result other) {
        Double oneError = relativeError(one);
        Double otherError = relativeError(other);
        if (oneError == null || otherError == null) {
            return false;
        }
        double larger = Math.max(one.stepMillis().mean(), other.stepMillis().mean());
        double chance = Math.hypot(
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
                && Math.abs(ratio - 1) > Math.max(Math.hypot(oneError, otherError), LEAST_FRACTION);
    }

    /** Half the interval of the mean, over the mean. */
    private static Double relativeError(Result result) {
        Interval interval = interval(result);
        return interval == null
                ? null
                : (interval.high() - interval.low()) / 2 / result.stepMillis().mean();
    }
}

package dev.lockstep.common.report;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.plan.Scaling;
import java.time.Instant;
import java.util.List;

/**
 * How a row of the report came about: in which rounds, with which batch, and what its speed-up is over.
 *
 * @param baseline id of the result that the speed-up is over; null without one
 * @param plannedRounds how often the plan has the configuration measured
 * @param rounds those that were begun, in order; fewer than planned while the run goes on and when one did not succeed
 * @param speedupRange the least and the most of the rounds' speed-ups; null without any
 * @param halvedFrom the batch that was asked for, when a smaller one was measured because it did not fit; null otherwise
 * @param misfits every batch that did not fit, in the order tried
 */
public record Provenance(
        Scaling scaling,
        String baseline,
        int plannedRounds,
        List<Round> rounds,
        Range speedupRange,
        Batch halvedFrom,
        List<BatchTry> misfits) {

    public Provenance {
        rounds = List.copyOf(rounds);
        misfits = List.copyOf(misfits);
    }

    /** Of a row of which nothing more is known. */
    public static Provenance of(Scaling scaling) {
        return new Provenance(scaling, null, 1, List.of(), null, null, List.of());
    }

    /** The same with the rounds' speed-ups over a baseline. */
    public Provenance withSpeedups(String over, List<Round> roundsWithSpeedups, Range range) {
        return new Provenance(scaling, over, plannedRounds, roundsWithSpeedups, range, halvedFrom, misfits);
    }

    /**
     * One round's own figures.
     *
     * @param number from 1
     * @param startedAt when the measurement began, preparation included
     * @param steps measured steps
     * @param meanStepMillis null when the round did not succeed, as are the other figures
     * @param speedup imagesPerSecond over that of the baseline in the same round; null without one
     * @param error why it did not succeed; null when it did
     */
    public record Round(
            int number,
            Instant startedAt,
            int steps,
            Double meanStepMillis,
            Double imagesPerSecond,
            Double speedup,
            Failure error) {

        /** The same round with its speed-up. */
        public Round withSpeedup(Double figure) {
            return new Round(number, startedAt, steps, meanStepMillis, imagesPerSecond, figure, error);
        }
    }

    /** The least and the most of several figures. */
    public record Range(double min, double max) {}

    /** A batch, as so many a device and so many over all. */
    public record Batch(int batchPerDevice, int globalBatch) {}
}

package dev.lockstep.coordinator.overhead;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.work.BareReport;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/**
 * What one side of a round came to.
 *
 * @param imagesPerSecond by the mean step without the tenth that took shortest and the tenth that took longest (rounded down): what the whole machine pauses for
 *     makes single steps longer, and not for both sides alike; docs/adr/0017 says why not by the median
 * @param inStepImagesPerSecond what bare loops would make if each waited for the slowest in every step, as replicas must: so many times the
 *     slowest loop's; Lockstep's own are in step
 * @param samplesMillis timed steps in which the side did not stand still: one list for each bare loop, one list for Lockstep's replica 0
 * @param interrupted timed steps in which it did, of all lists
 * @param replicateMillis mean of Lockstep's replicate phase; null for bare loops, which have none
 */
public record Throughput(
        double imagesPerSecond,
        double inStepImagesPerSecond,
        List<List<Double>> samplesMillis,
        int interrupted,
        Double replicateMillis) {
    private static final double NANOS_PER_MILLI = 1e6;
    private static final double MILLIS_PER_SECOND = 1e3;
    private static final int TENTH = 10;

    public Throughput {
        samplesMillis = samplesMillis.stream().map(List::copyOf).toList();
    }

    /**
     * Loops side by side: their images per second, each over its own steps, added up.
     *
     * @param batch images in a step of one loop
     * @param turn a step as long as this was interrupted
     * @throws LockstepException USAGE if all steps were
     */
    public static Throughput ofBare(List<BareReport> loops, int batch, Duration turn) {
        return of(
                loops.stream()
                        .map(loop -> loop.stepNanos().stream()
                                .map(nanos -> nanos / NANOS_PER_MILLI)
                                .toList())
                        .toList(),
                batch,
                turn,
                null);
    }

    /** A measurement of Lockstep that is ok; see {@link #ofBare}. */
    public static Throughput ofLockstep(Result result, Duration turn) {
        return of(
                List.of(result.samplesMillis()),
                result.imagesPerStep(),
                turn,
                result.phaseMillis().replicate());
    }

    private static Throughput of(List<List<Double>> timed, int imagesPerStep, Duration turn, Double replicateMillis) {
        List<List<Double>> whole = timed.stream()
                .map(steps -> steps.stream()
                        .filter(millis -> millis < turn.toMillis())
                        .toList())
                .toList();
        if (whole.stream().anyMatch(List::isEmpty)) {
            throw new LockstepException(
                    FailureCategory.USAGE,
                    "no step was over within a turn of %d s: take fewer images or a longer --turn"
                            .formatted(turn.toSeconds()));
        }
        double[] imagesPerSecond = whole.stream()
                .mapToDouble(steps -> imagesPerStep * MILLIS_PER_SECOND / trimmedMean(steps))
                .toArray();
        return new Throughput(
                Arrays.stream(imagesPerSecond).sum(),
                Arrays.stream(imagesPerSecond).min().orElseThrow() * imagesPerSecond.length,
                whole,
                count(timed) - count(whole),
                replicateMillis);
    }

    private static double trimmedMean(List<Double> values) {
        int trimmed = values.size() / TENTH;
        return values.stream()
                .mapToDouble(Double::doubleValue)
                .sorted()
                .limit(values.size() - trimmed)
                .skip(trimmed)
                .average()
                .orElseThrow();
    }

    private static int count(List<List<Double>> lists) {
        return lists.stream().mapToInt(List::size).sum();
    }
}

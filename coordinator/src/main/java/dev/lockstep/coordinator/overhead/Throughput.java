package dev.lockstep.coordinator.overhead;

import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.Result.PhaseMillis;
import dev.lockstep.common.work.BareReport;
import java.util.List;

/**
 * What one measurement of a round came to.
 *
 * @param samplesMillis timed steps: one list for each bare loop, one list for Lockstep's replica 0
 * @param phaseMillis means of Lockstep's phases on replica 0; null for bare loops, which have none
 */
public record Throughput(double imagesPerSecond, List<List<Double>> samplesMillis, PhaseMillis phaseMillis) {
    private static final double NANOS_PER_MILLI = 1e6;
    private static final double MILLIS_PER_SECOND = 1e3;

    public Throughput {
        samplesMillis = samplesMillis.stream().map(List::copyOf).toList();
    }

    /**
     * Loops side by side: their images per second, each over its own mean step, added up.
     *
     * @param batch images in a step of one loop
     */
    public static Throughput ofBare(List<BareReport> loops, int batch) {
        List<List<Double>> samples = loops.stream()
                .map(loop -> loop.stepNanos().stream()
                        .map(nanos -> nanos / NANOS_PER_MILLI)
                        .toList())
                .toList();
        double imagesPerSecond = samples.stream()
                .mapToDouble(steps -> batch
                        * MILLIS_PER_SECOND
                        / steps.stream()
                                .mapToDouble(Double::doubleValue)
                                .average()
                                .orElseThrow())
                .sum();
        return new Throughput(imagesPerSecond, samples, null);
    }

    /** A measurement of Lockstep that is ok. */
    public static Throughput ofLockstep(Result result) {
        return new Throughput(result.imagesPerSecond(), List.of(result.samplesMillis()), result.phaseMillis());
    }
}

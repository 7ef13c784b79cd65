package dev.lockstep.common.report;

import java.util.List;

/**
 * How far a measurement's figures can be trusted.
 *
 * @param stepMillisInterval where the mean step time lies; null for a single step
 * @param disturbance null where nobody watched the machine
 * @param coreTurnMillis how long each replica computed on the cores of one device before it went on to those of the next; null where each
 *     kept to its own
 */
public record Quality(
        WarmUp warmup, Interval stepMillisInterval, Outliers outliers, Disturbance disturbance, Double coreTurnMillis) {
    /** The same with how the replicas took turns at the cores. */
    Quality withCoreTurns(Double millis) {
        return new Quality(warmup, stepMillisInterval, outliers, disturbance, millis);
    }

    /**
     * How the warm-up went. Of several rounds, the steps and bounds of all are added up.
     *
     * @param steps that it took
     * @param least that were asked for
     * @param limit it could not have gone on beyond; equal to {@code least} for a fixed warm-up
     * @param steady whether the step time was steady at its end, in every round; null when it had too few steps to tell
     */
    public record WarmUp(int steps, int least, int limit, Boolean steady) {}

    /**
     * A confidence interval.
     *
     * @param confidence the fraction of such intervals that hold the true value: 0.95
     */
    public record Interval(double confidence, double low, double high) {}

    /**
     * Steps far from the others. They are counted, and they are kept: every figure includes them.
     *
     * @param rule what makes a step one, in words
     * @param samples their places in {@code samplesMillis}, from 0
     */
    public record Outliers(String rule, int count, List<Integer> samples) {
        public Outliers {
            samples = List.copyOf(samples);
        }
    }

    /**
     * What else went on in the machine during the measured steps. A figure is null where the platform does not tell, or where the
     * time was too short for it. "Processors" are the logical ones that Lockstep may use.
     *
     * @param notes a sentence for each thing that may have made steps longer; empty when nothing was seen
     * @param seconds that were watched
     * @param processors how many there are
     * @param otherProcessors how many of them processes outside the cluster kept busy, on average
     * @param otherProcessorsPeak the same in the worst second
     * @param stolenProcessors how many of them the hypervisor gave to others, on average
     * @param throttledMillis time for which the cluster's control group was held back by its processor quota
     * @param thermalThrottles times a processor slowed down for heat
     * @param firstMegahertz clock of the fastest processor at the start
     * @param lowestMegahertz the lowest that was seen of it
     * @param swappedInMiB read back from swap space
     * @param swappedOutMiB written to swap space
     * @param latestHeartbeatMillis how late the coordinator's own timer was at worst
     */
    public record Disturbance(
            List<String> notes,
            double seconds,
            int processors,
            Double otherProcessors,
            Double otherProcessorsPeak,
            Double stolenProcessors,
            Double throttledMillis,
            Long thermalThrottles,
            Double firstMegahertz,
            Double lowestMegahertz,
            Double swappedInMiB,
            Double swappedOutMiB,
            double latestHeartbeatMillis) {
        public Disturbance {
            notes = List.copyOf(notes);
        }
    }
}

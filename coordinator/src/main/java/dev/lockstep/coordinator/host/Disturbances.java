package dev.lockstep.coordinator.host;

import dev.lockstep.common.report.Quality.Disturbance;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.IntStream;

/** Judges what samples of a machine's counters say of a measurement: whether something else may have made its steps longer. */
final class Disturbances {
    private static final double NANOS_PER_SECOND = 1e9;
    private static final double NANOS_PER_MILLI = 1e6;
    private static final double TICKS_PER_SECOND = 100;
    private static final double PAGES_PER_MIB = 256;

    /** Counters are kept in ticks, so a mean over less time than this and a peak over less than half of it say nothing. */
    private static final double LEAST_SECONDS = 2;

    private static final double LEAST_PEAK_SECONDS = 0.9;

    private static final double NOTABLE_OTHER = 0.1;
    private static final double NOTABLE_OTHER_PEAK = 0.5;
    /** Machines with many processors are never quite idle. */
    private static final double NOTABLE_OTHER_FRACTION = 0.01;

    private static final double NOTABLE_STOLEN_FRACTION = 0.01;
    private static final double NOTABLE_THROTTLED_MILLIS = 1;
    private static final double NOTABLE_CLOCK_FRACTION = 0.9;
    private static final double NOTABLE_SWAP_MIB = 1;
    private static final double NOTABLE_LATENESS_MILLIS = 100;

    private final List<MachineSample> samples;
    private final double seconds;
    private final int processors;
    private final List<String> notes = new ArrayList<>();

    private Disturbances(List<MachineSample> samples, int processors) {
        this.samples = samples;
        this.seconds = samples.isEmpty() ? 0 : seconds(first(), last());
        this.processors = processors;
    }

    /**
     * Judges.
     *
     * @param samples in the order they were taken, the first at the start of the measured steps, the last at their end
     * @param processors how many logical processors Lockstep may use
     * @param latestNanos how late the timer was at worst
     * @param failure why there are no more samples; null when there are all
     */
    static Disturbance of(List<MachineSample> samples, int processors, long latestNanos, String failure) {
        Disturbances found = new Disturbances(samples, processors);
        if (failure != null) {
            found.notes.add("The machine could not be watched to the end: " + failure + ".");
        }
        return found.judge(latestNanos / NANOS_PER_MILLI);
    }

    private Disturbance judge(double latestMillis) {
        Double other = seconds < LEAST_SECONDS ? null : other(first(), last());
        Double otherPeak = otherPeak();
        Double stolen = seconds < LEAST_SECONDS ? null : busyProcessors(MachineSample::stolenTicks);
        Double throttledMillis = scaled(growth(MachineSample::throttledNanos), NANOS_PER_MILLI);
        Long thermalThrottles = growth(MachineSample::thermalThrottles);
        Double firstMegahertz = samples.isEmpty() ? null : first().megahertz();
        Double lowestMegahertz = samples.stream()
                .map(MachineSample::megahertz)
                .filter(Objects::nonNull)
                .min(Double::compare)
                .orElse(null);
        Double swappedInMiB = scaled(growth(MachineSample::swappedInPages), PAGES_PER_MIB);
        Double swappedOutMiB = scaled(growth(MachineSample::swappedOutPages), PAGES_PER_MIB);

        noteOther(other, otherPeak);
        if (stolen != null && stolen >= NOTABLE_STOLEN_FRACTION * processors) {
            note("The hypervisor gave %.2f of %d processors to others.", stolen, processors);
        }
        if (throttledMillis != null && throttledMillis >= NOTABLE_THROTTLED_MILLIS) {
            note("A control group's processor quota held Lockstep back for %.0f ms.", throttledMillis);
        }
        if (thermalThrottles != null && thermalThrottles > 0) {
            note("A processor slowed down for heat %d times.", thermalThrottles);
        }
        if (firstMegahertz != null && lowestMegahertz < NOTABLE_CLOCK_FRACTION * firstMegahertz) {
            note("The processors' clock fell from %.0f to %.0f MHz.", firstMegahertz, lowestMegahertz);
        }
        noteSwapping(swappedInMiB, swappedOutMiB);
        if (latestMillis >= NOTABLE_LATENESS_MILLIS) {
            note("The coordinator's timer was late by up to %.0f ms.", latestMillis);
        }
        return new Disturbance(
                notes,
                seconds,
                processors,
                other,
                otherPeak,
                stolen,
                throttledMillis,
                thermalThrottles,
                firstMegahertz,
                lowestMegahertz,
                swappedInMiB,
                swappedOutMiB,
                latestMillis);
    }

    private void noteOther(Double mean, Double peak) {
        if (mean == null || peak == null) {
            return;
        }
        boolean often = mean >= Math.max(NOTABLE_OTHER, NOTABLE_OTHER_FRACTION * processors);
        boolean once = peak >= Math.max(NOTABLE_OTHER_PEAK, NOTABLE_OTHER_FRACTION * processors);
        if (often || once) {
            note(
                    "Other processes used %.2f of %d processors on average, %.2f in the worst second.",
                    mean, processors, peak);
        }
    }

    private void noteSwapping(Double inMiB, Double outMiB) {
        if (inMiB != null && outMiB != null && inMiB + outMiB >= NOTABLE_SWAP_MIB) {
            note("The machine swapped %.0f MiB in and %.0f MiB out.", inMiB, outMiB);
        }
    }

    private void note(String format, Object... arguments) {
        notes.add(String.format(Locale.ROOT, format, arguments));
    }

    private MachineSample first() {
        return samples.get(0);
    }

    private MachineSample last() {
        return samples.get(samples.size() - 1);
    }

    private Double otherPeak() {
        return IntStream.range(1, samples.size())
                .filter(i -> seconds(samples.get(i - 1), samples.get(i)) >= LEAST_PEAK_SECONDS)
                .mapToObj(i -> other(samples.get(i - 1), samples.get(i)))
                .filter(Objects::nonNull)
                .max(Double::compare)
                .orElse(null);
    }

    /** Processors that others used between two samples; not below 0, where ticks were counted a moment apart. */
    private static Double other(MachineSample from, MachineSample to) {
        Long busy = growth(MachineSample::busyTicks, from, to);
        Long cluster = growth(MachineSample::clusterTicks, from, to);
        return busy == null || cluster == null
                ? null
                : Math.max(0, (busy - cluster) / TICKS_PER_SECOND / seconds(from, to));
    }

    private Double busyProcessors(Function<MachineSample, Long> ticks) {
        return scaled(growth(ticks), TICKS_PER_SECOND * seconds);
    }

    private Long growth(Function<MachineSample, Long> counter) {
        return samples.isEmpty() ? null : growth(counter, first(), last());
    }

    private static Long growth(Function<MachineSample, Long> counter, MachineSample from, MachineSample to) {
        Long before = counter.apply(from);
        Long after = counter.apply(to);
        return before == null || after == null ? null : (Long) (after - before);
    }

    private static Double scaled(Long value, double unit) {
        return value == null ? null : (Double) (value / unit);
    }

    private static double seconds(MachineSample from, MachineSample to) {
        return (to.nanos() - from.nanos()) / NANOS_PER_SECOND;
    }
}

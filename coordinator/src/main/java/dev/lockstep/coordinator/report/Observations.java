package dev.lockstep.coordinator.report;

import static dev.lockstep.coordinator.report.Figures.decimal;
import static dev.lockstep.coordinator.report.Figures.percent;

import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Observation;
import dev.lockstep.common.report.Provenance.Range;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.ResultStatus;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Sentences that the figures bear out; where a difference may be chance, they say so or are left out. */
public final class Observations {
    private static final double NOTABLE_DATA_WAIT = 0.01;
    private static final double NOTABLE_IMBALANCE = 0.05;
    private static final double WIDE_SPREAD = 0.10;

    private final List<Result> results;
    private final boolean cudaGraphs;
    private final Curves curves;
    private final List<Observation> observations = new ArrayList<>();

    private Observations(List<Result> results, boolean cudaGraphs) {
        this.results = results;
        this.cudaGraphs = cudaGraphs;
        this.curves = new Curves(results);
    }

    /**
     * What the results show.
     *
     * @param results with their speed-ups filled; those that are not ok are passed over
     * @param cudaGraphs whether the plan has GPUs replay a recorded step
     */
    public static List<Observation> of(List<Result> results, boolean cudaGraphs) {
        List<Result> finished = results.stream()
                .filter(result -> result.status() == ResultStatus.OK)
                .toList();
        Observations found = new Observations(finished, cudaGraphs);
        found.disturbances();
        List<Result> widest = found.widest();
        widest.forEach(found::scaling);
        found.largestPhases(widest);
        Stream.concat(
                        finished.stream().filter(result -> result.deviceCount() == 1),
                        widest.stream().filter(result -> result.deviceCount() > 1))
                .forEach(found::precision);
        widest.forEach(found::strategy);
        widest.forEach(found::imbalance);
        finished.forEach(found::idleDevices);
        finished.forEach(found::bound);
        finished.forEach(found::dataWait);
        finished.forEach(found::spread);
        finished.forEach(found::gpus);
        finished.forEach(found::unsteadyWarmUp);
        finished.forEach(found::loss);
        return List.copyOf(found.observations);
    }

    /** All in one, and first: who reads on should know. */
    private void disturbances() {
        List<Result> disturbed = results.stream()
                .filter(result -> !ReportTables.disturbances(result).isEmpty())
                .toList();
        if (!disturbed.isEmpty()) {
            add(
                    "The machine was disturbed, and steps may have taken longer for it. "
                            + disturbed.stream()
                                    .map(result -> "During %s: %s"
                                            .formatted(
                                                    result.id(), String.join(" ", ReportTables.disturbances(result))))
                                    .collect(Collectors.joining(" ")),
                    disturbed.toArray(Result[]::new));
        }
    }

    private void unsteadyWarmUp(Result result) {
        if (result.quality() != null
                && Boolean.FALSE.equals(result.quality().warmup().steady())) {
            int rounds = result.provenance().plannedRounds();
            String after = rounds == 1
                    ? "its warm-up ended after %d steps".formatted(result.warmupSteps())
                    : "the warm-up of one of its rounds ended";
            add(
                    "The step time of %s was not steady yet when %s: allow it more with --warmup-limit."
                            .formatted(result.id(), after),
                    result);
        }
    }

    /** Of each way of training, the result on most devices. */
    private List<Result> widest() {
        Map<String, Result> widest = results.stream()
                .collect(Collectors.toMap(
                        curves::name,
                        result -> result,
                        (one, other) -> one.deviceCount() >= other.deviceCount() ? one : other,
                        LinkedHashMap::new));
        return List.copyOf(widest.values());
    }

    private void scaling(Result result) {
        Result baseline = Speedups.baseline(result, results).orElse(null);
        if (baseline == null || result.deviceCount() == 1 || result.speedup() == null) {
            return;
        }
        String change = Noise.isChange(result.speedup(), result, baseline)
                ? "%s%s, an efficiency of %s"
                        .formatted(Figures.times(result.speedup()), byRound(result), percent(result.efficiency()))
                : "no change beyond the noise";
        add(
                "From 1 to %d devices, throughput with %s went from %s to %s images/s: %s."
                        .formatted(
                                result.deviceCount(),
                                curves.name(result),
                                decimal(baseline.imagesPerSecond(), 2),
                                decimal(result.imagesPerSecond(), 2),
                                change),
                baseline,
                result);
        fastestGrowingPhase(baseline, result);
    }

    /** What the rounds had apart from each other: a speed-up that differs from round to round is known no better than that. */
    private static String byRound(Result result) {
        Range range = result.provenance().speedupRange();
        return range == null || result.provenance().plannedRounds() == 1
                ? ""
                : " (%s to %s by round)".formatted(Figures.times(range.min()), Figures.times(range.max()));
    }

    private void fastestGrowingPhase(Result baseline, Result result) {
        Phase grown = Collections.max(
                Arrays.asList(Phase.values()), Comparator.comparingDouble(phase -> growth(phase, baseline, result)));
        double growth = growth(grown, baseline, result);
        if (Noise.isBeyond(growth, baseline, result)) {
            add(
                    "With %s, the time that grew most on replica 0 is %s: from %s ms on 1 device to %s ms on %d, waits at barriers included."
                            .formatted(
                                    curves.name(result),
                                    described(grown),
                                    decimal(grown.millis(baseline.phaseMillis()), 2),
                                    decimal(grown.millis(result.phaseMillis()), 2),
                                    result.deviceCount()),
                    baseline,
                    result);
        }
    }

    private static double growth(Phase phase, Result from, Result to) {
        return phase.millis(to.phaseMillis()) - phase.millis(from.phaseMillis());
    }

    /** One sentence for all ways of training that have it in common: a sweep has many. */
    private void largestPhases(List<Result> widest) {
        widest.stream()
                .collect(Collectors.groupingBy(Observations::largestPhase, LinkedHashMap::new, Collectors.toList()))
                .forEach((phase, alike) -> {
                    if (alike.size() == 1) {
                        largestPhase(phase, alike.get(0));
                    } else {
                        largestPhase(phase, alike);
                    }
                });
    }

    private static Phase largestPhase(Result result) {
        return Collections.max(
                Arrays.asList(Phase.values()), Comparator.comparingDouble(phase -> phase.millis(result.phaseMillis())));
    }

    private static double share(Phase phase, Result result) {
        return phase.millis(result.phaseMillis()) / result.stepMillis().mean();
    }

    private void largestPhase(Phase phase, Result result) {
        add(
                "The largest part of a step of %s on replica 0 is %s: %s ms, %s of the step."
                        .formatted(
                                result.id(),
                                described(phase),
                                decimal(phase.millis(result.phaseMillis()), 2),
                                percent(share(phase, result))),
                result);
    }

    private void largestPhase(Phase phase, List<Result> alike) {
        Comparator<Result> byShare = Comparator.comparingDouble(result -> share(phase, result));
        Result least = Collections.min(alike, byShare);
        Result most = Collections.max(alike, byShare);
        add(
                "The largest part of a step on replica 0 is %s in %d configurations, from %s of the step (%s) to %s (%s)."
                        .formatted(
                                described(phase),
                                alike.size(),
                                percent(share(phase, least)),
                                least.id(),
                                percent(share(phase, most)),
                                most.id()),
                alike.toArray(Result[]::new));
    }

    private void precision(Result result) {
        if (result.precision() != Precision.FP32) {
            results.stream()
                    .filter(full -> full.precision() == Precision.FP32
                            && full.strategy() == result.strategy()
                            && isSameWork(full, result))
                    .forEach(full -> compare(result, full));
        }
    }

    private void strategy(Result result) {
        if (result.strategy() != Strategy.DATA_PARALLEL && result.deviceCount() > 1) {
            results.stream()
                    .filter(torch -> torch.strategy() == Strategy.DATA_PARALLEL
                            && torch.precision() == result.precision()
                            && isSameWork(torch, result))
                    .forEach(torch -> compare(result, torch));
        }
    }

    private static boolean isSameWork(Result one, Result other) {
        return one.deviceCount() == other.deviceCount() && one.chunks().equals(other.chunks());
    }

    private void compare(Result result, Result reference) {
        double mean = result.stepMillis().mean();
        double referenceMean = reference.stepMillis().mean();
        String time =
                Noise.isDifferent(result, reference) ? relation(mean, referenceMean) : "no difference beyond the noise";
        String memory = "";
        if (result.memoryMiB() != null && reference.memoryMiB() != null) {
            double used = result.memoryMiB().max();
            double referenceUsed = reference.memoryMiB().max();
            memory = "; the fullest device used %s MiB against %s MiB (%s)"
                    .formatted(decimal(used, 1), decimal(referenceUsed, 1), relation(used, referenceUsed));
        }
        add(
                "On %d device%s, a step with %s took %s ms against %s ms with %s (%s)%s."
                        .formatted(
                                result.deviceCount(),
                                result.deviceCount() == 1 ? "" : "s",
                                curves.name(result),
                                decimal(mean, 2),
                                decimal(referenceMean, 2),
                                curves.name(reference),
                                time,
                                memory),
                reference,
                result);
    }

    private static String relation(double value, double reference) {
        double change = value / reference - 1;
        return percent(Math.abs(change)) + (change < 0 ? " less" : " more");
    }

    private void imbalance(Result result) {
        List<Double> waits =
                result.waitMillis().perDevice().subList(0, result.chunks().size()); // an idle rank waits by its nature
        double longest = Collections.max(waits);
        double shortest = Collections.min(waits);
        if (longest - shortest > NOTABLE_IMBALANCE * result.stepMillis().mean()) {
            add(
                    "In %s, rank %d waited %s ms a step at barriers and rank %d %s ms, of a step of %s ms."
                            .formatted(
                                    result.id(),
                                    waits.indexOf(longest),
                                    decimal(longest, 2),
                                    waits.indexOf(shortest),
                                    decimal(shortest, 2),
                                    decimal(result.stepMillis().mean(), 2)),
                    result);
        }
    }

    private void idleDevices(Result result) {
        int idle = result.deviceCount() - result.chunks().size();
        if (idle > 0) {
            add(
                    "In %s, %d of %d devices had no samples: the batch of %d splits into %d chunks."
                            .formatted(
                                    result.id(),
                                    idle,
                                    result.deviceCount(),
                                    result.globalBatch(),
                                    result.chunks().size()),
                    result);
        }
    }

    private void bound(Result result) {
        if (result.gpuTime() == null) {
            return;
        }
        String launch = decimal(result.gpuTime().hostLaunchMillis(), 2);
        String run = decimal(result.gpuTime().gpuMillis(), 2);
        add(
                switch (result.gpuTime().bound()) {
                    case LAUNCH ->
                        ("A step of %s is launch-bound: the host took %s ms to launch its work, the GPU was done with it after"
                                        + " %s ms. Faster arithmetic would not shorten it; more images a step would cost"
                                        + " little time.%s")
                                .formatted(
                                        result.id(),
                                        launch,
                                        run,
                                        cudaGraphs
                                                ? ""
                                                : " With --cuda-graphs false, the host launched every operator of every step.");
                    case GPU ->
                        "A step of %s is GPU-bound: the GPU took %s ms for its work, the host %s ms to launch it."
                                .formatted(result.id(), run, launch);
                },
                result);
    }

    private void dataWait(Result result) {
        if (result.dataWaitMillis() == null) {
            return;
        }
        double fraction = result.dataWaitMillis() / result.stepMillis().mean();
        if (fraction > NOTABLE_DATA_WAIT) {
            add(
                    "A step of %s waited %s ms for its images, %s of the step: its throughput is in part that of reading and decoding."
                            .formatted(result.id(), decimal(result.dataWaitMillis(), 2), percent(fraction)),
                    result);
        }
    }

    private void spread(Result result) {
        Double spread = Noise.spread(result);
        if (spread != null && spread > WIDE_SPREAD) {
            add(
                    "The steps of %s scatter widely: their standard deviation is %s of the mean, so small differences to it mean nothing."
                            .formatted(result.id(), percent(spread)),
                    result);
        }
    }

    private void gpus(Result result) {
        if (result.gpus() != null) {
            result.gpus()
                    .disturbances()
                    .forEach(disturbance -> add("While %s ran: %s".formatted(result.id(), disturbance), result));
        }
    }

    private void loss(Result result) {
        if (result.finalLoss() != null && !Double.isFinite(result.finalLoss())) {
            add(
                    "The training of %s diverged: its last loss is %s. The times hold; the model is of no use."
                            .formatted(result.id(), result.finalLoss()),
                    result);
        }
    }

    private static String described(Phase phase) {
        return phase == Phase.OTHER ? "outside the phases" : phase.name().toLowerCase(Locale.ROOT);
    }

    private void add(String text, Result... evidence) {
        observations.add(new Observation(
                text, Stream.of(evidence).map(Result::id).distinct().toList()));
    }
}

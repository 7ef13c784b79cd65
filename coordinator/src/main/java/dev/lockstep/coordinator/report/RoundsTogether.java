package dev.lockstep.coordinator.report;

import dev.lockstep.common.report.GpuConditions;
import dev.lockstep.common.report.Quality;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.Result.GpuTime;
import dev.lockstep.common.report.Result.MemoryMiB;
import dev.lockstep.common.report.Result.PerDevice;
import dev.lockstep.common.report.Result.PhaseMillis;
import dev.lockstep.common.report.Result.StepMillis;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** Makes one row of a configuration's rounds: its figures are over the steps of all of them. */
public final class RoundsTogether {
    private RoundsTogether() {}

    /**
     * The row of one or more rounds, its speed-up open.
     *
     * <p>Loss, checksum, loss scale and provenance are the last round's: every round begins with the same weights. Memory is the most of
     * all rounds. Interval and outliers are over the steps of all rounds, warm-up and disturbances as {@link QualityTogether} adds them
     * up.
     *
     * @param rounds in order, at least one; all of them ok, with the same number of steps
     */
    public static Result of(List<Result> rounds) {
        Result last = rounds.get(rounds.size() - 1);
        List<Double> samples =
                rounds.stream().flatMap(round -> round.samplesMillis().stream()).toList();
        StepMillis stepMillis = Results.distribution(samples);
        Quality quality = quality(rounds, samples);
        return new Result(
                last.id(),
                last.strategy(),
                last.precision(),
                last.amp(),
                last.tf32(),
                last.deviceCount(),
                last.devices(),
                last.collective(),
                last.batchPerDevice(),
                last.globalBatch(),
                last.imagesPerStep(),
                last.chunks(),
                quality.warmup().steps(),
                samples.size(),
                last.status(),
                last.error(),
                stepMillis,
                samples,
                Results.imagesPerSecond(last.imagesPerStep(), stepMillis),
                null,
                null,
                memory(rounds),
                phases(rounds),
                waits(rounds),
                dataWait(rounds),
                last.finalLoss(),
                last.parameterChecksum(),
                last.provenance(),
                quality,
                GpuConditions.together(rounds.stream()
                        .map(Result::gpus)
                        .filter(Objects::nonNull)
                        .toList()),
                gpuTime(rounds));
    }

    private static Quality quality(List<Result> rounds, List<Double> samples) {
        List<Quality> qualities = rounds.stream().map(Result::quality).toList();
        return new Quality(
                QualityTogether.warmUp(qualities.stream().map(Quality::warmup).toList()),
                MeanInterval.of(samples),
                OutlierRule.apply(samples),
                QualityTogether.disturbance(
                        qualities.stream().map(Quality::disturbance).toList()),
                qualities.get(qualities.size() - 1).coreTurnMillis());
    }

    /** The most of all rounds that could tell; null where none could. What all processes held is the last round's. */
    private static MemoryMiB memory(List<Result> rounds) {
        List<MemoryMiB> known =
                rounds.stream().map(Result::memoryMiB).filter(Objects::nonNull).toList();
        if (known.isEmpty()) {
            return null;
        }
        MemoryMiB last = known.get(known.size() - 1);
        List<Double> perDevice = new ArrayList<>();
        for (int rank = 0; rank < last.perDevice().size(); rank++) {
            int of = rank;
            perDevice.add(known.stream()
                    .map(round -> round.perDevice().get(of))
                    .filter(Objects::nonNull)
                    .max(Double::compare)
                    .orElse(null));
        }
        double max = known.stream().mapToDouble(MemoryMiB::max).max().orElseThrow();
        return new MemoryMiB(perDevice, max, last.kind(), last.deviceUsed());
    }

    private static PhaseMillis phases(List<Result> rounds) {
        List<PhaseMillis> phases = rounds.stream().map(Result::phaseMillis).toList();
        return new PhaseMillis(
                mean(phases, PhaseMillis::scatter),
                mean(phases, PhaseMillis::replicate),
                mean(phases, PhaseMillis::forward),
                mean(phases, PhaseMillis::gather),
                mean(phases, PhaseMillis::loss),
                mean(phases, PhaseMillis::backward),
                mean(phases, PhaseMillis::reduce),
                mean(phases, PhaseMillis::optimizer),
                mean(phases, PhaseMillis::other));
    }

    private static PerDevice waits(List<Result> rounds) {
        int ranks = rounds.get(0).waitMillis().perDevice().size();
        return new PerDevice(IntStream.range(0, ranks)
                .mapToObj(rank ->
                        mean(rounds, round -> round.waitMillis().perDevice().get(rank)))
                .toList());
    }

    private static Double dataWait(List<Result> rounds) {
        return isLacking(rounds, Result::dataWaitMillis) ? null : (Double) mean(rounds, Result::dataWaitMillis);
    }

    private static GpuTime gpuTime(List<Result> rounds) {
        return isLacking(rounds, Result::gpuTime)
                ? null
                : Results.gpuTime(
                        mean(rounds, round -> round.gpuTime().hostLaunchMillis()),
                        mean(rounds, round -> round.gpuTime().gpuMillis()));
    }

    private static boolean isLacking(List<Result> rounds, Function<Result, Object> figure) {
        return rounds.stream().map(figure).anyMatch(Objects::isNull);
    }

    /** Rounds have the same number of steps, so that each counts the same. */
    private static <T> double mean(List<T> rounds, ToDoubleFunction<T> figure) {
        return rounds.stream().mapToDouble(figure).average().orElseThrow();
    }
}

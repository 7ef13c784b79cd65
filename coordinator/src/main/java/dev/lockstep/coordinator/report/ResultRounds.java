package dev.lockstep.coordinator.report;

import dev.lockstep.common.report.GpuConditions;
import dev.lockstep.common.report.Provenance;
import dev.lockstep.common.report.Provenance.Round;
import dev.lockstep.common.report.Quality;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.Result.MemoryMiB;
import dev.lockstep.common.report.Result.PerDevice;
import dev.lockstep.common.report.Result.PhaseMillis;
import dev.lockstep.common.report.Result.StepMillis;
import dev.lockstep.common.report.ResultStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Makes one row of a configuration's rounds that were runs of their own. */
public final class ResultRounds {
    private static final double MILLIS_PER_SECOND = 1e3;

    private ResultRounds() {}

    /**
     * The row over the steps of all rounds; the first one that is not ok, where there is such a one. Loss, checksum, loss scale and the GPU's time are
     * the last round's. Its speed-up is still open.
     *
     * @param rounds of the same configuration with the same number of steps each, at least one
     * @param plannedRounds how many there are to be
     */
    public static Result together(List<Result> rounds, int plannedRounds) {
        for (Result round : rounds) {
            if (round.status() != ResultStatus.OK) {
                return round.withProvenance(provenance(rounds, plannedRounds));
            }
        }
        Result last = rounds.get(rounds.size() - 1);
        List<Double> samples =
                rounds.stream().flatMap(round -> round.samplesMillis().stream()).toList();
        StepMillis stepMillis = Results.distribution(samples);
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
                last.warmupSteps(),
                samples.size(),
                last.status(),
                last.error(),
                stepMillis,
                samples,
                last.imagesPerStep() * MILLIS_PER_SECOND / stepMillis.mean(),
                null,
                null,
                memory(rounds),
                phases(rounds),
                new PerDevice(means(rounds, round -> round.waitMillis().perDevice())),
                rounds.stream().map(Result::dataWaitMillis).anyMatch(Objects::isNull)
                        ? null
                        : (Double) mean(rounds, Result::dataWaitMillis),
                last.finalLoss(),
                last.parameterChecksum(),
                provenance(rounds, plannedRounds),
                quality(rounds, samples),
                GpuConditions.together(rounds.stream()
                        .map(Result::gpus)
                        .filter(Objects::nonNull)
                        .toList()),
                last.gpuTime());
    }

    private static Quality quality(List<Result> rounds, List<Double> samples) {
        List<Quality> qualities = rounds.stream().map(Result::quality).toList();
        return new Quality(
                QualityTogether.warmUp(qualities.stream().map(Quality::warmup).toList()),
                MeanInterval.of(samples),
                OutlierRule.apply(samples),
                QualityTogether.disturbance(
                        qualities.stream().map(Quality::disturbance).toList()));
    }

    /** Each run was its own first round; here they are numbered as the comparison counts. */
    private static Provenance provenance(List<Result> results, int plannedRounds) {
        Provenance last = results.get(results.size() - 1).provenance();
        List<Round> rounds = new ArrayList<>();
        for (int index = 0; index < results.size(); index++) {
            for (Round round : results.get(index).provenance().rounds()) {
                rounds.add(new Round(
                        index + 1,
                        round.startedAt(),
                        round.steps(),
                        round.meanStepMillis(),
                        round.imagesPerSecond(),
                        null,
                        round.error()));
            }
        }
        return new Provenance(last.scaling(), null, plannedRounds, rounds, null, last.halvedFrom(), last.misfits());
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

    /** The most of all rounds; null where one could not tell. */
    private static MemoryMiB memory(List<Result> rounds) {
        if (rounds.stream().map(Result::memoryMiB).anyMatch(Objects::isNull)) {
            return null;
        }
        MemoryMiB first = rounds.get(0).memoryMiB();
        List<Double> perDevice = IntStream.range(0, first.perDevice().size())
                .mapToObj(rank -> rounds.stream()
                        .map(round -> round.memoryMiB().perDevice().get(rank))
                        .filter(Objects::nonNull)
                        .max(Double::compare)
                        .orElse(null))
                .collect(Collectors.toList());
        double max = rounds.stream()
                .mapToDouble(round -> round.memoryMiB().max())
                .max()
                .orElseThrow();
        return new MemoryMiB(
                perDevice,
                max,
                first.kind(),
                rounds.get(rounds.size() - 1).memoryMiB().deviceUsed());
    }

    private static List<Double> means(List<Result> rounds, Function<Result, List<Double>> figures) {
        return IntStream.range(0, figures.apply(rounds.get(0)).size())
                .mapToObj(rank -> mean(rounds, round -> figures.apply(round).get(rank)))
                .toList();
    }

    /** Rounds have the same number of steps, so that each counts the same. */
    private static <T> double mean(List<T> rounds, ToDoubleFunction<T> figure) {
        return rounds.stream().mapToDouble(figure).average().orElseThrow();
    }
}

package dev.lockstep.coordinator.report;

import dev.lockstep.common.plan.Scaling;
import dev.lockstep.common.report.Provenance;
import dev.lockstep.common.report.Provenance.Range;
import dev.lockstep.common.report.Provenance.Round;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.ResultStatus;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;

/** Compares results with that of one device. */
public final class Speedups {
    private Speedups() {}

    /**
     * Fills speed-up and efficiency of every ok result. Null where there is no baseline.
     *
     * <p>The baseline is a one-device result that is ok and has the same precision and, under weak scaling, the same batch per device,
     * under strong scaling the same global batch. On one device strategies hardly differ: one of the same strategy goes first, but any
     * will do.
     *
     * <p>The speed-up is the geometric mean of the rounds' speed-ups, each over the baseline of the same round: a drift of the machine
     * is in both figures of a round, and what is left of it has the opposite sign in a round that runs backwards, so that the two cancel
     * in the product. Rounds that only one of the two has do not count.
     */
    public static List<Result> fill(List<Result> results) {
        return results.stream()
                .map(result -> baseline(result, results)
                        .map(one -> filled(result, one))
                        .orElse(result))
                .toList();
    }

    /** The one-device result that {@code result} is compared with, as {@link #fill} explains. */
    static Optional<Result> baseline(Result result, List<Result> results) {
        if (result.status() != ResultStatus.OK) {
            return Optional.empty();
        }
        List<Result> candidates = results.stream()
                .filter(one -> one.status() == ResultStatus.OK
                        && one.deviceCount() == 1
                        && one.precision() == result.precision()
                        && sizeOf(one) == sizeOf(result))
                .toList();
        return first(candidates, one -> one.strategy() == result.strategy()).or(() -> first(candidates, one -> true));
    }

    /** The batch that scaling keeps. */
    static int sizeOf(Result result) {
        return result.provenance().scaling() == Scaling.WEAK ? result.batchPerDevice() : result.globalBatch();
    }

    private static Optional<Result> first(List<Result> results, Predicate<Result> accepted) {
        return results.stream().filter(accepted).findFirst();
    }

    private static Result filled(Result result, Result baseline) {
        Provenance provenance = result.provenance();
        if (provenance.rounds().isEmpty()) {
            return result.withSpeedup(
                    result.imagesPerSecond() / baseline.imagesPerSecond(),
                    provenance.withSpeedups(baseline.id(), List.of(), null));
        }
        List<Round> rounds = new ArrayList<>();
        for (Round round : provenance.rounds()) {
            rounds.add(round.withSpeedup(speedup(round, baseline.provenance().rounds())));
        }
        List<Double> speedups =
                rounds.stream().map(Round::speedup).filter(Objects::nonNull).toList();
        if (speedups.isEmpty()) {
            return result;
        }
        DoubleSummaryStatistics range =
                speedups.stream().mapToDouble(Double::doubleValue).summaryStatistics();
        return result.withSpeedup(
                geometricMean(speedups),
                provenance.withSpeedups(baseline.id(), rounds, new Range(range.getMin(), range.getMax())));
    }

    private static Double speedup(Round round, List<Round> baselines) {
        return baselines.stream()
                .filter(baseline -> baseline.number() == round.number())
                .findFirst()
                .map(baseline -> round.imagesPerSecond() / baseline.imagesPerSecond())
                .orElse(null);
    }

    private static double geometricMean(List<Double> ratios) {
        return Math.exp(ratios.stream().mapToDouble(Math::log).average().orElseThrow());
    }
}

package dev.lockstep.coordinator.report;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.report.Provenance;
import dev.lockstep.common.report.Quality;
import dev.lockstep.common.report.Quality.Disturbance;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.Result.Bound;
import dev.lockstep.common.report.Result.GpuTime;
import dev.lockstep.common.report.Result.MemoryMiB;
import dev.lockstep.common.report.Result.PerDevice;
import dev.lockstep.common.report.Result.PhaseMillis;
import dev.lockstep.common.report.Result.StepMillis;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.common.work.PhaseNanos;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StepReport;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.ToLongFunction;
import org.apache.commons.statistics.descriptive.DoubleStatistics;
import org.apache.commons.statistics.descriptive.Quantile;
import org.apache.commons.statistics.descriptive.Quantile.EstimationMethod;
import org.apache.commons.statistics.descriptive.Statistic;

/** Makes the rows of a report from what the replicas measured. */
public final class Results {
    private static final double NANOS_PER_MILLI = 1e6;
    private static final double MILLIS_PER_SECOND = 1e3;
    /** The GPU is done so soon after the last launch that it has waited for it. */
    private static final double LAUNCH_BOUND = 0.9;

    private static final double[] PROBABILITIES = {0.05, 0.5, 0.95, 0.99};

    private Results() {}

    /**
     * A measurement in full precision without TF32 that went through. Its speed-up is still open: {@link Speedups} fills
     * it.
     *
     * @param deviceIds in rank order, idle ones too
     * @param collective how replicas exchanged tensors
     * @param measuredByRank [rank][step] the measured steps without the warm-up; every rank has the same number, at least one
     * @param summariesByRank [rank]
     * @param dataWaitMillis mean time a measured step waited for its batch; null for synthetic data
     * @param warmUp how the warm-up went
     * @param disturbance what else went on in the machine; null if nobody watched
     * @throws IllegalArgumentException if ranks or steps are missing
     */
    public static Result ok(
            MeasurementSpec spec,
            List<String> deviceIds,
            String collective,
            List<List<StepReport>> measuredByRank,
            List<ReplicaSummary> summariesByRank,
            Double dataWaitMillis,
            Quality.WarmUp warmUp,
            Disturbance disturbance) {
        requireComplete(spec, deviceIds, measuredByRank, summariesByRank);
        List<StepReport> first = measuredByRank.get(0);
        List<Double> samplesMillis =
                first.stream().map(step -> millis(step.stepNanos())).toList();
        StepMillis stepMillis = distribution(samplesMillis);
        int imagesPerStep = spec.chunks().stream().mapToInt(Integer::intValue).sum();
        List<Double> waits = measuredByRank.stream()
                .map(steps -> meanMillis(steps, StepReport::waitNanos))
                .toList();
        return new Result(
                spec.id(),
                spec.strategy(),
                spec.precision(),
                summariesByRank.get(0).amp(),
                summariesByRank.get(0).tf32(),
                spec.deviceCount(),
                deviceIds,
                collective,
                spec.batchPerDevice(),
                spec.globalBatch(),
                imagesPerStep,
                spec.chunks(),
                warmUp.steps(),
                spec.steps(),
                ResultStatus.OK,
                null,
                stepMillis,
                samplesMillis,
                imagesPerSecond(imagesPerStep, stepMillis),
                null,
                null,
                memory(summariesByRank),
                phases(first, stepMillis.mean()),
                new PerDevice(waits),
                dataWaitMillis,
                first.get(first.size() - 1).loss(),
                summariesByRank.get(0).parameterChecksum(),
                Provenance.of(spec.scaling()),
                new Quality(
                        warmUp, MeanInterval.of(samplesMillis), OutlierRule.apply(samplesMillis), disturbance, null),
                null,
                gpuTime(first));
    }

    /**
     * A measurement without figures.
     *
     * @param collective null where it was not decided yet
     * @param status anything but ok
     */
    public static Result notOk(
            MeasurementSpec spec, List<String> deviceIds, String collective, ResultStatus status, Failure error) {
        if (status == ResultStatus.OK) {
            throw new IllegalArgumentException(spec.id() + ": a result that is ok has figures");
        }
        return new Result(
                spec.id(),
                spec.strategy(),
                spec.precision(),
                null,
                false,
                spec.deviceCount(),
                deviceIds,
                collective,
                spec.batchPerDevice(),
                spec.globalBatch(),
                spec.globalBatch(),
                spec.chunks(),
                spec.warmupSteps(),
                spec.steps(),
                status,
                Objects.requireNonNull(error),
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                Provenance.of(spec.scaling()),
                null,
                null,
                null);
    }

    private static void requireComplete(
            MeasurementSpec spec,
            List<String> deviceIds,
            List<List<StepReport>> measuredByRank,
            List<ReplicaSummary> summariesByRank) {
        boolean complete = deviceIds.size() == spec.deviceCount()
                && measuredByRank.size() == spec.deviceCount()
                && summariesByRank.size() == spec.deviceCount()
                && measuredByRank.stream().allMatch(steps -> steps.size() == spec.steps())
                && spec.steps() > 0;
        if (!complete) {
            throw new IllegalArgumentException("%s: expected %d measured steps of each of %d ranks, got %s"
                    .formatted(
                            spec.id(),
                            spec.steps(),
                            spec.deviceCount(),
                            measuredByRank.stream().map(List::size).toList()));
        }
    }

    static double imagesPerSecond(int imagesPerStep, StepMillis stepMillis) {
        return imagesPerStep * MILLIS_PER_SECOND / stepMillis.mean();
    }

    /** How step times are distributed; at least one of them. */
    public static StepMillis distribution(List<Double> samplesMillis) {
        double[] samples =
                samplesMillis.stream().mapToDouble(Double::doubleValue).toArray();
        DoubleStatistics statistics = DoubleStatistics.builder(
                        Statistic.MEAN, Statistic.STANDARD_DEVIATION, Statistic.MIN, Statistic.MAX)
                .build(samples);
        double[] quantiles =
                Quantile.withDefaults().with(EstimationMethod.HF7).evaluate(samples.clone(), PROBABILITIES);
        return new StepMillis(
                statistics.getAsDouble(Statistic.MEAN),
                quantiles[1],
                quantiles[0],
                quantiles[2],
                quantiles[3],
                samples.length < 2 ? null : statistics.getAsDouble(Statistic.STANDARD_DEVIATION),
                statistics.getAsDouble(Statistic.MIN),
                statistics.getAsDouble(Statistic.MAX));
    }

    private static PhaseMillis phases(List<StepReport> steps, double meanStepMillis) {
        return new PhaseMillis(
                meanPhase(steps, PhaseNanos::scatter),
                meanPhase(steps, PhaseNanos::replicate),
                meanPhase(steps, PhaseNanos::forward),
                meanPhase(steps, PhaseNanos::gather),
                meanPhase(steps, PhaseNanos::loss),
                meanPhase(steps, PhaseNanos::backward),
                meanPhase(steps, PhaseNanos::reduce),
                meanPhase(steps, PhaseNanos::optimizer),
                meanStepMillis - meanPhase(steps, PhaseNanos::sum));
    }

    private static double meanPhase(List<StepReport> steps, ToLongFunction<PhaseNanos> phase) {
        return meanMillis(steps, step -> phase.applyAsLong(step.phases()));
    }

    private static double meanMillis(List<StepReport> steps, ToLongFunction<StepReport> nanos) {
        return steps.stream().mapToLong(nanos).average().orElseThrow() / NANOS_PER_MILLI;
    }

    /** Null when the steps were not a GPU's. */
    private static GpuTime gpuTime(List<StepReport> steps) {
        if (steps.stream().anyMatch(step -> step.gpu() == null)) {
            return null;
        }
        return gpuTime(meanMillis(steps, step -> step.gpu().launch()), meanMillis(steps, step -> step.gpu()
                .run()));
    }

    /** A step's time on a GPU, with what follows from it. */
    static GpuTime gpuTime(double launchMillis, double runMillis) {
        return new GpuTime(
                launchMillis, runMillis, launchMillis >= LAUNCH_BOUND * runMillis ? Bound.LAUNCH : Bound.GPU);
    }

    private static double millis(long nanos) {
        return nanos / NANOS_PER_MILLI;
    }

    /** Null when no replica could tell. */
    private static MemoryMiB memory(List<ReplicaSummary> summaries) {
        List<Double> perDevice =
                summaries.stream().map(ReplicaSummary::peakMemoryMiB).toList();
        Optional<String> kind = summaries.stream()
                .map(ReplicaSummary::memoryKind)
                .filter(Objects::nonNull)
                .findFirst();
        return perDevice.stream()
                .filter(Objects::nonNull)
                .max(Double::compare)
                .map(max -> new MemoryMiB(perDevice, max, kind.orElse(null), deviceUsed(summaries)))
                .orElse(null);
    }

    /** Null when no device is a GPU. */
    private static List<Double> deviceUsed(List<ReplicaSummary> summaries) {
        List<Double> used =
                summaries.stream().map(ReplicaSummary::deviceUsedMiB).toList();
        return used.stream().allMatch(Objects::isNull) ? null : used;
    }
}

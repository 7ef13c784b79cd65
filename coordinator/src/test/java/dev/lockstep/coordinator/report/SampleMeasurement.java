package dev.lockstep.coordinator.report;

import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Scaling;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Quality;
import dev.lockstep.common.report.Quality.Disturbance;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.work.GpuNanos;
import dev.lockstep.common.work.PhaseNanos;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StepReport;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** A measurement made up for tests: every rank takes the same steps, a fixed share of each in each phase. */
final class SampleMeasurement {
    private static final long NANOS_PER_MILLI = 1_000_000;

    final MeasurementSpec spec;
    final List<String> deviceIds;
    final List<List<StepReport>> stepsByRank = new ArrayList<>();
    final List<ReplicaSummary> summaries = new ArrayList<>();
    Double dataWaitMillis;
    Quality.WarmUp warmUp = new Quality.WarmUp(2, 2, 2, null);
    List<String> disturbances = List.of();

    private SampleMeasurement(MeasurementSpec spec, String devicePrefix) {
        this.spec = spec;
        this.deviceIds = IntStream.range(0, spec.deviceCount())
                .mapToObj(rank -> devicePrefix + rank)
                .toList();
    }

    /** A measurement of weak scaling whose steps took these milliseconds. */
    static SampleMeasurement of(
            Strategy strategy, Precision precision, int devices, int globalBatch, double... stepMillis) {
        return of(Scaling.WEAK, strategy, precision, devices, globalBatch, stepMillis);
    }

    private static SampleMeasurement of(
            Scaling scaling,
            Strategy strategy,
            Precision precision,
            int devices,
            int globalBatch,
            double... stepMillis) {
        MeasurementSpec spec =
                MeasurementSpec.of(strategy, precision, devices, globalBatch, 2, stepMillis.length, scaling, 2);
        SampleMeasurement sample = new SampleMeasurement(spec, "cpu:");
        for (int rank = 0; rank < devices; rank++) {
            sample.stepsByRank.add(steps(rank, devices, stepMillis));
            sample.summaries.add(new ReplicaSummary("0badcafe", 1500.0 - rank, "peak-resident", null, false));
        }
        return sample;
    }

    /** The usual case of the tests: data-parallel in full precision. */
    static SampleMeasurement dataParallel(int devices, int globalBatch, double... stepMillis) {
        return of(Strategy.DATA_PARALLEL, Precision.FP32, devices, globalBatch, stepMillis);
    }

    /** The same of strong scaling. */
    static SampleMeasurement strong(int devices, int globalBatch, double... stepMillis) {
        return of(Scaling.STRONG, Strategy.DATA_PARALLEL, Precision.FP32, devices, globalBatch, stepMillis);
    }

    /** The same steps on GPUs, each launched and run in these times. */
    SampleMeasurement onGpus(double launchMillis, double runMillis) {
        GpuNanos gpu =
                new GpuNanos(Math.round(launchMillis * NANOS_PER_MILLI), Math.round(runMillis * NANOS_PER_MILLI));
        stepsByRank.replaceAll(steps -> steps.stream()
                .map(step -> new StepReport(
                        step.step(), step.stepNanos(), step.phases(), step.waitNanos(), step.loss(), gpu))
                .toList());
        summaries.replaceAll(summary -> new ReplicaSummary(
                summary.parameterChecksum(), summary.peakMemoryMiB(), "peak-allocated", null, true, 2000.0));
        return this;
    }

    /** The same steps with other shares of each in the two passes. */
    SampleMeasurement withPasses(double forward, double backward) {
        stepsByRank.replaceAll(steps -> steps.stream()
                .map(step -> new StepReport(
                        step.step(),
                        step.stepNanos(),
                        withPasses(
                                step.phases(),
                                Math.round(forward * step.stepNanos()),
                                Math.round(backward * step.stepNanos())),
                        step.waitNanos(),
                        step.loss()))
                .toList());
        return this;
    }

    private static PhaseNanos withPasses(PhaseNanos phases, long forward, long backward) {
        return new PhaseNanos(
                phases.scatter(),
                phases.replicate(),
                forward,
                phases.gather(),
                phases.loss(),
                backward,
                phases.reduce(),
                phases.optimizer());
    }

    Result result() {
        return Results.ok(
                spec, deviceIds, "shared-memory", stepsByRank, summaries, dataWaitMillis, warmUp, disturbance());
    }

    Disturbance disturbance() {
        Double other = disturbances.isEmpty() ? 0.0 : 0.5;
        return new Disturbance(disturbances, 3.5, 2, other, other, 0.0, null, null, null, null, 0.0, 0.0, 1.5);
    }

    private static List<StepReport> steps(int rank, int devices, double[] stepMillis) {
        List<StepReport> steps = new ArrayList<>();
        for (int step = 0; step < stepMillis.length; step++) {
            long nanos = Math.round(stepMillis[step] * NANOS_PER_MILLI);
            long exchange = devices == 1 ? 0 : nanos / 20;
            PhaseNanos phases = new PhaseNanos(
                    exchange, exchange, nanos * 3 / 10, exchange / 5, nanos / 100, nanos / 2, exchange, nanos / 50);
            Double loss = rank == 0 ? 3.5 - 0.01 * step : null;
            steps.add(new StepReport(2 + step, nanos, phases, rank * exchange, loss));
        }
        return steps;
    }
}

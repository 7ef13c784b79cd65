package dev.lockstep.coordinator.selftest;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Scaling;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Quality;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.common.work.AmpSummary;
import dev.lockstep.common.work.GpuNanos;
import dev.lockstep.common.work.PhaseNanos;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.coordinator.report.Results;
import java.util.Collections;
import java.util.List;

/** Measurements made up for tests, as a GPU that works gives them. */
public final class GpuResults {
    private static final PhaseNanos PHASES = new PhaseNanos(0, 0, 1000, 0, 10, 2000, 0, 100);

    private GpuResults() {}

    /**
     * One that is as it must be on a GPU with TF32.
     *
     * @param batch of each device
     * @param stepMillis what its step took
     */
    public static Result good(
            Strategy strategy, Precision precision, int devices, int batch, double stepMillis, String collective) {
        ReplicaSummary summary = new ReplicaSummary(
                "0badcafe", peak(precision), "peak-allocated", amp(precision), precision == Precision.FP32);
        return of(strategy, precision, devices, batch, stepMillis, collective, 3.5, summary);
    }

    /** One of one device with this summary. */
    public static Result of(Precision precision, int batch, double loss, ReplicaSummary summary) {
        return of(Strategy.DATA_PARALLEL, precision, 1, batch, 100, "none", loss, summary);
    }

    /** One that failed with this message. */
    public static Result failed(Precision precision, int batch, String message) {
        return Results.notOk(
                spec(Strategy.DATA_PARALLEL, precision, 1, batch),
                List.of("cuda:0"),
                "none",
                ResultStatus.FAILED,
                new Failure(FailureCategory.DEVICE, message));
    }

    private static Result of(
            Strategy strategy,
            Precision precision,
            int devices,
            int batch,
            double stepMillis,
            String collective,
            double loss,
            ReplicaSummary summary) {
        long nanos = Math.round(stepMillis * 1e6);
        StepReport step = new StepReport(1, nanos, PHASES, 0, loss, new GpuNanos(nanos / 4, nanos / 2));
        return Results.ok(
                spec(strategy, precision, devices, batch),
                Collections.nCopies(devices, "cuda:0"),
                collective,
                Collections.nCopies(devices, List.of(step)),
                Collections.nCopies(devices, summary),
                null,
                new Quality.WarmUp(1, 1, 1, null),
                null);
    }

    private static MeasurementSpec spec(Strategy strategy, Precision precision, int devices, int batch) {
        return MeasurementSpec.of(strategy, precision, devices, batch * devices, 1, 1, Scaling.WEAK, 1);
    }

    private static double peak(Precision precision) {
        return precision == Precision.AMP ? 2800 : 5500;
    }

    private static AmpSummary amp(Precision precision) {
        return switch (precision) {
            case FP32, FP32_STRICT -> null;
            case AMP, AMP_FP16 -> new AmpSummary("float16", 32768.0, 1);
            case AMP_BF16 -> new AmpSummary("bfloat16", null, 0);
        };
    }
}

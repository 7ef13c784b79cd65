package dev.lockstep.coordinator.report;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.report.Peer;
import dev.lockstep.common.report.Provenance;
import dev.lockstep.common.report.Provenance.Round;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.common.report.RunInfo;
import java.time.Instant;
import java.util.List;

/** Reports as runs of a single configuration leave them, for tests of what is made of them. */
public final class RunReports {
    /** Parameters of the model in all of them. */
    public static final long PARAMETERS = 10_750_027;

    private RunReports() {}

    /** One that went well; its steps took these milliseconds. */
    public static Report ok(MeasurementSpec spec, double... stepMillis) {
        Result result = SampleMeasurement.of(
                        spec.strategy(), spec.precision(), spec.deviceCount(), spec.globalBatch(), stepMillis)
                .result();
        Round only = new Round(
                1, Instant.EPOCH, result.steps(), result.stepMillis().mean(), result.imagesPerSecond(), null, null);
        return SampleReport.of(
                result.withProvenance(new Provenance(spec.scaling(), null, 1, List.of(only), null, null, List.of())));
    }

    /** One that failed. */
    public static Report failed(MeasurementSpec spec) {
        return SampleReport.of(Results.notOk(
                spec,
                List.of("cpu:0"),
                null,
                ResultStatus.FAILED,
                new Failure(FailureCategory.WORKER_DIED, "cpu:0 was killed")));
    }

    /** The same report with other results and peers. */
    public static Report with(Report report, List<Result> results, List<Peer> peers) {
        return new Report(
                report.schema(),
                report.run(),
                report.system(),
                report.model(),
                results,
                report.observations(),
                report.batchSweeps(),
                peers);
    }

    /** The same report of another plan. */
    public static Report withPlan(Report report, Plan plan) {
        RunInfo run = report.run();
        return new Report(
                report.schema(),
                new RunInfo(run.id(), run.status(), run.startedAt(), run.finishedAt(), plan, run.notes()),
                report.system(),
                report.model(),
                report.results(),
                report.observations(),
                report.batchSweeps(),
                report.peers());
    }
}

package dev.lockstep.coordinator.control;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.report.ModelInfo;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.common.report.RunInfo;
import dev.lockstep.common.report.RunStatus;
import dev.lockstep.common.report.SystemInfo;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.api.RunView.MeasurementView;
import dev.lockstep.coordinator.report.Observations;
import dev.lockstep.coordinator.report.Results;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** What is known of a run at any moment: its progress, its results so far, and the report and the view made of them. */
final class RunBook {
    private static final double BYTES_PER_MIB = 1024.0 * 1024.0;

    private final Assignment assignment;
    private final List<MeasurementSpec> specs;
    private final List<Result> results = new ArrayList<>();
    private Instant startedAt;
    private Instant finishedAt;
    private String state = "waiting";
    private TrainingLoop.Advanced progress;
    private ModelFootprint footprint;
    private boolean cancelled;
    private String message;

    RunBook(Assignment assignment) {
        this.assignment = assignment;
        this.specs = assignment.request().plan().measurements();
    }

    void start(Instant now) {
        startedAt = now;
    }

    /** The measurement that is under way or next; null when all are through. */
    MeasurementSpec current() {
        return results.size() < specs.size() ? specs.get(results.size()) : null;
    }

    long currentEpoch() {
        return assignment.firstEpoch() + results.size();
    }

    void preparing() {
        state = "preparing";
        progress = null;
    }

    void advanced(TrainingLoop.Advanced advanced) {
        progress = advanced;
        state = advanced.measuring() ? "measuring" : "warming-up";
    }

    /** Books how the current measurement ended, and moves on to the next. */
    void ended(Measurement.Ended ended) {
        MeasurementSpec spec = current();
        if (ended.footprint() != null) {
            footprint = ended.footprint();
        }
        if (ended.outcome() instanceof Measurement.Succeeded succeeded) {
            TrainingLoop.Finished finished = succeeded.finished();
            results.add(Results.ok(
                    spec,
                    ended.deviceIds(),
                    collective(spec),
                    finished.measured(),
                    finished.summaries(),
                    finished.dataWaitMillis(),
                    finished.warmUp(),
                    finished.disturbance()));
        } else {
            Failure failure = ((Measurement.DidNotSucceed) ended.outcome()).failure();
            results.add(Results.notOk(spec, ended.deviceIds(), collective(spec), status(failure), failure));
        }
        state = "waiting";
        progress = null;
    }

    private static String collective(MeasurementSpec spec) {
        return spec.deviceCount() == 1 ? "none" : "shared-memory";
    }

    private static ResultStatus status(Failure failure) {
        return switch (failure.category()) {
            case CANCELLED -> ResultStatus.CANCELLED;
            case NOT_ENOUGH_MEMORY -> ResultStatus.SKIPPED;
            default -> ResultStatus.FAILED;
        };
    }

    /** The user ended the run: what has not run never will. */
    void cancel() {
        cancelled = true;
        Failure failure = new Failure(FailureCategory.CANCELLED, "cancelled by the user before it began");
        while (current() != null) {
            results.add(Results.notOk(current(), List.of(), collective(current()), ResultStatus.CANCELLED, failure));
        }
    }

    void finish(Instant now) {
        finishedAt = now;
    }

    /** The report could not be written, so the run has failed whatever was measured. */
    void fail(String reason) {
        message = reason;
    }

    /** How the run stands, as the report says it; partial while there is more to come. */
    RunStatus status() {
        if (message != null) {
            return RunStatus.FAILED;
        }
        if (cancelled) {
            return RunStatus.CANCELLED;
        }
        long good = results.stream()
                .filter(result -> result.status() == ResultStatus.OK)
                .count();
        if (good == specs.size()) {
            return RunStatus.COMPLETED;
        }
        return good > 0 || current() != null ? RunStatus.PARTIAL : RunStatus.FAILED;
    }

    Report report(SystemInfo system) {
        Plan plan = assignment.request().plan();
        List<Result> complete = Results.withSpeedups(results);
        return new Report(
                Report.SCHEMA,
                new RunInfo(
                        assignment.id(),
                        status(),
                        startedAt,
                        finishedAt,
                        plan,
                        assignment.request().notes()),
                system,
                model(plan),
                complete,
                Observations.of(complete));
    }

    private ModelInfo model(Plan plan) {
        Long parameters = footprint == null ? null : footprint.parameters();
        Double sizeMiB = footprint == null ? null : footprint.parameters() * Float.BYTES / BYTES_PER_MIB;
        return new ModelInfo(
                plan.model().name(), plan.model().classes(), plan.model().imageSize(), parameters, sizeMiB);
    }

    RunView view() {
        List<MeasurementView> views = new ArrayList<>();
        for (int index = 0; index < specs.size(); index++) {
            views.add(view(index));
        }
        String status = startedAt == null ? "queued" : finishedAt == null ? "running" : status().label();
        return new RunView(
                assignment.id(),
                status,
                assignment.submittedAt(),
                assignment.request().configuration(),
                views,
                assignment.reportDir().toString(),
                message);
    }

    private MeasurementView view(int index) {
        MeasurementSpec spec = specs.get(index);
        String label = "%d device%s, %s, %s, batch %s"
                .formatted(
                        spec.deviceCount(),
                        spec.deviceCount() == 1 ? "" : "s",
                        spec.precision().label(),
                        spec.strategy().label(),
                        String.join(
                                "+", spec.chunks().stream().map(String::valueOf).toList()));
        if (index < results.size()) {
            Result result = results.get(index);
            boolean ok = result.status() == ResultStatus.OK;
            return new MeasurementView(
                    spec.id(),
                    label,
                    result.status().label(),
                    ok ? result.warmupSteps() + result.steps() : 0,
                    result.warmupSteps() + result.steps(),
                    result.imagesPerSecond(),
                    ok ? null : result.error().message());
        }
        boolean current = index == results.size();
        boolean stepping = current && progress != null;
        return new MeasurementView(
                spec.id(),
                label,
                current ? state : "waiting",
                stepping ? progress.stepsDone() : 0,
                stepping ? progress.expectedSteps() : spec.totalSteps(),
                null,
                null);
    }
}

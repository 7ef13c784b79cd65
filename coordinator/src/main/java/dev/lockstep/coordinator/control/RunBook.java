package dev.lockstep.coordinator.control;

import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.report.BatchSweep;
import dev.lockstep.common.report.GpuConditions;
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
import dev.lockstep.coordinator.control.Agenda.Task;
import dev.lockstep.coordinator.report.BatchNotes;
import dev.lockstep.coordinator.report.Observations;
import dev.lockstep.coordinator.report.Speedups;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** What is known of a run at any moment: its progress, its results so far, and the report and the view made of them. */
final class RunBook {
    private static final double BYTES_PER_MIB = 1024.0 * 1024.0;

    private final Assignment assignment;
    private final Agenda agenda;
    private final List<MeasurementView> past = new ArrayList<>();
    private Instant startedAt;
    private Instant finishedAt;
    private String state = "waiting";
    private Instant taskStartedAt;
    private TrainingLoop.Advanced progress;
    private ModelFootprint footprint;
    private boolean cancelled;
    private String message;

    RunBook(Assignment assignment) {
        this.assignment = assignment;
        this.agenda = new Agenda(assignment.request().plan());
    }

    void start(Instant now) {
        startedAt = now;
    }

    /** The measurement that is under way or next; null when all are through. */
    Task current() {
        return agenda.current();
    }

    void preparing(Instant now) {
        state = "preparing";
        taskStartedAt = now;
        progress = null;
    }

    void advanced(TrainingLoop.Advanced advanced) {
        progress = advanced;
        state = advanced.measuring() ? "measuring" : "warming-up";
    }

    /**
     * Books how the current measurement ended, and moves on to the next.
     *
     * @param gpus how the GPUs fared; null on CPU devices and where it is not known
     */
    void ended(Measurement.Ended ended, GpuConditions gpus) {
        if (ended.footprint() != null) {
            footprint = ended.footprint();
        }
        past.add(shown().over(current(), ended));
        agenda.ended(ended, taskStartedAt, gpus);
        state = "waiting";
        progress = null;
    }

    /** The user ended the run: what has not run never will. */
    void cancel() {
        cancelled = true;
        if (current() != null) {
            past.add(shown().cancelled(current()));
            agenda.upcoming().forEach(turn -> past.add(shown().cancelled(turn)));
        }
        agenda.cancel();
    }

    void finish(Instant now) {
        finishedAt = now;
    }

    /** The run as a whole failed, whatever was measured: its report could not be written, say. */
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
        if (current() != null) {
            return RunStatus.PARTIAL;
        }
        List<Result> results = agenda.results();
        long good = results.stream()
                .filter(result -> result.status() == ResultStatus.OK)
                .count();
        if (good == results.size()) {
            return RunStatus.COMPLETED;
        }
        return good > 0 ? RunStatus.PARTIAL : RunStatus.FAILED;
    }

    Report report(SystemInfo system) {
        Plan plan = assignment.request().plan();
        List<Result> complete = Speedups.fill(agenda.results());
        List<BatchSweep> sweeps = agenda.sweeps();
        List<String> notes = new ArrayList<>(assignment.request().notes());
        notes.addAll(BatchNotes.of(complete, sweeps));
        return new Report(
                Report.SCHEMA,
                new RunInfo(assignment.id(), status(), startedAt, finishedAt, plan, notes),
                system,
                model(plan),
                complete,
                Observations.of(complete, plan.cudaGraphs()),
                sweeps,
                List.of());
    }

    private ModelInfo model(Plan plan) {
        Long parameters = footprint == null ? null : footprint.parameters();
        Double sizeMiB = footprint == null ? null : footprint.parameters() * Float.BYTES / BYTES_PER_MIB;
        return new ModelInfo(
                plan.model().name(), plan.model().classes(), plan.model().imageSize(), parameters, sizeMiB);
    }

    RunView view() {
        List<MeasurementView> views = new ArrayList<>(past);
        if (current() != null) {
            views.add(shown().current(current(), state, progress));
            agenda.upcoming().forEach(turn -> views.add(shown().waiting(turn)));
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

    private TaskProgress shown() {
        return new TaskProgress(assignment.request().plan().rounds());
    }
}

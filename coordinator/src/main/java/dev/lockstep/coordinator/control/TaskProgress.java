package dev.lockstep.coordinator.control;

import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.report.Provenance.Batch;
import dev.lockstep.common.report.Result;
import dev.lockstep.coordinator.api.RunView.MeasurementView;
import dev.lockstep.coordinator.control.Agenda.Task;
import dev.lockstep.coordinator.control.Agenda.Try;
import dev.lockstep.coordinator.control.Agenda.Turn;

/** How a run's tasks are shown while it goes on. */
record TaskProgress(int rounds) {
    MeasurementView waiting(Task task) {
        return unfinished(task, "waiting", null);
    }

    /**
     * The task that is under way.
     *
     * @param progress null before the first step is done
     */
    MeasurementView current(Task task, String state, TrainingLoop.Advanced progress) {
        int stepsDone = progress == null ? 0 : progress.stepsDone();
        int expectedSteps = progress == null ? task.spec().totalSteps() : progress.expectedSteps();
        return view(task, state, stepsDone, expectedSteps, null, null);
    }

    MeasurementView over(Task task, Measurement.Ended ended) {
        if (ended.outcome() instanceof Measurement.DidNotSucceed failed) {
            return unfinished(
                    task, Row.status(failed.failure()).label(), failed.failure().message());
        }
        Result result = Row.alone(task.spec(), ended, null);
        int steps = result.warmupSteps() + result.steps();
        return view(task, "ok", steps, steps, result.imagesPerSecond(), null);
    }

    MeasurementView cancelled(Task task) {
        return unfinished(task, "cancelled", "cancelled by the user before it began");
    }

    private MeasurementView unfinished(Task task, String state, String message) {
        return view(task, state, 0, task.spec().totalSteps(), null, message);
    }

    private MeasurementView view(
            Task task, String state, int stepsDone, int steps, Double imagesPerSecond, String message) {
        MeasurementSpec spec = task.spec();
        String id = task instanceof Turn turn && rounds > 1 ? spec.id() + "/" + turn.round() : spec.id();
        return new MeasurementView(id, label(task), state, stepsDone, steps, imagesPerSecond, message);
    }

    private String label(Task task) {
        MeasurementSpec spec = task.spec();
        String label = "%d device%s, %s, %s, batch %s"
                .formatted(
                        spec.deviceCount(),
                        spec.deviceCount() == 1 ? "" : "s",
                        spec.precision().label(),
                        spec.strategy().label(),
                        String.join(
                                "+", spec.chunks().stream().map(String::valueOf).toList()));
        if (task instanceof Try) {
            return "does it fit: " + label;
        }
        Turn turn = (Turn) task;
        Batch asked = turn.row().halvedFrom();
        return label
                + (asked == null ? "" : " instead of " + asked.globalBatch() + ", which did not fit")
                + (rounds == 1 ? "" : ", round %d of %d".formatted(turn.round(), rounds));
    }
}

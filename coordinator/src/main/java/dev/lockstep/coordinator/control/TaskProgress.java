package dev.lockstep.coordinator.control;

import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.report.Provenance.Batch;
import dev.lockstep.coordinator.api.RunView.MeasurementView;
import dev.lockstep.coordinator.control.Agenda.Task;
import dev.lockstep.coordinator.control.Agenda.Try;
import dev.lockstep.coordinator.control.Agenda.Turn;

/** How a run's tasks are shown while it goes on. */
record TaskProgress(int rounds) {
    MeasurementView waiting(Task task) {
        return view(task, "waiting", 0, null, null);
    }

    MeasurementView current(Task task, String state, int stepsDone) {
        return view(task, state, stepsDone, null, null);
    }

    MeasurementView over(Task task, Measurement.Ended ended) {
        MeasurementSpec spec = task.spec();
        if (ended.outcome() instanceof Measurement.DidNotSucceed failed) {
            return view(
                    task,
                    Row.status(failed.failure()).label(),
                    0,
                    null,
                    failed.failure().message());
        }
        return view(task, "ok", spec.totalSteps(), Row.imagesPerSecond(spec, ended), null);
    }

    MeasurementView cancelled(Task task) {
        return view(task, "cancelled", 0, null, "cancelled by the user before it began");
    }

    private MeasurementView view(Task task, String state, int stepsDone, Double imagesPerSecond, String message) {
        MeasurementSpec spec = task.spec();
        String id = task instanceof Turn turn && rounds > 1 ? spec.id() + "/" + turn.round() : spec.id();
        return new MeasurementView(id, label(task), state, stepsDone, spec.totalSteps(), imagesPerSecond, message);
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

package dev.lockstep.coordinator.cli;

import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.api.RunView.MeasurementView;
import java.io.PrintStream;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Progress as lines: one when a measurement starts, one every ten seconds, one when it ends. */
final class PlainDisplay implements RunDisplay {
    private static final long INTERVAL_NANOS = Duration.ofSeconds(10).toNanos();

    private final PrintStream out;
    private final Shell.Timer timer;
    private final Map<String, MeasurementView> shown = new HashMap<>();
    private long lastLineNanos;

    PlainDisplay(PrintStream out, Shell.Timer timer) {
        this.out = out;
        this.timer = timer;
    }

    @Override
    public void show(RunView run) {
        List<MeasurementView> measurements = run.measurements();
        for (int i = 0; i < measurements.size(); i++) {
            show(measurements.get(i), "[" + (i + 1) + "/" + measurements.size() + "] ");
        }
        out.flush();
    }

    private void show(MeasurementView now, String prefix) {
        MeasurementView before = shown.get(now.id());
        if (now.state().equals("waiting") || (before != null && RunDisplay.isOver(before))) {
            return;
        }
        if (before == null) {
            line(prefix + now.label());
        }
        if (RunDisplay.isOver(now)) {
            line(prefix + RunDisplay.outcome(now));
        } else if (timer.nanos() - lastLineNanos >= INTERVAL_NANOS) {
            line(prefix + now.state().replace('-', ' ') + ", step " + now.stepsDone() + " of " + now.totalSteps());
        }
        shown.put(now.id(), now);
    }

    @Override
    public void note(String line) {
        line(line);
    }

    private void line(String line) {
        out.println(line);
        lastLineNanos = timer.nanos();
    }

    @Override
    public void close() {
        out.flush();
    }
}

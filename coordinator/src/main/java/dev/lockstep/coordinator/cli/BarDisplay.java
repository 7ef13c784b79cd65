package dev.lockstep.coordinator.cli;

import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.api.RunView.MeasurementView;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Progress as a bar a measurement, for terminals. */
final class BarDisplay implements RunDisplay {
    private static final int UPDATE_MILLIS = 250;

    private final PrintStream terminal;
    private final Set<String> finished = new HashSet<>();
    private ProgressBar bar;

    BarDisplay(PrintStream terminal) {
        this.terminal = terminal;
    }

    @Override
    public void show(RunView run) {
        List<MeasurementView> measurements = run.measurements();
        for (int i = 0; i < measurements.size(); i++) {
            MeasurementView measurement = measurements.get(i);
            if (RunDisplay.isRunning(measurement)) {
                update(measurement, i, measurements.size());
            } else if (RunDisplay.isOver(measurement) && finished.add(measurement.id())) {
                finish(measurement, i, measurements.size());
            }
        }
    }

    private void update(MeasurementView measurement, int index, int count) {
        if (bar == null) {
            terminal.println(heading(measurement, index, count));
            bar = bar(measurement.totalSteps());
        }
        bar.maxHint(measurement.totalSteps());
        bar.stepTo(measurement.stepsDone());
        bar.setExtraMessage(measurement.state().replace('-', ' '));
    }

    private void finish(MeasurementView measurement, int index, int count) {
        if (bar == null) {
            terminal.println(heading(measurement, index, count));
        } else {
            bar.stepTo(measurement.stepsDone());
            bar.setExtraMessage("");
            close();
        }
        terminal.println("  " + RunDisplay.outcome(measurement));
    }

    private static String heading(MeasurementView measurement, int index, int count) {
        return "[" + (index + 1) + "/" + count + "] " + measurement.label();
    }

    private ProgressBar bar(long steps) {
        boolean unicode = Charset.defaultCharset().name().startsWith("UTF");
        return new ProgressBarBuilder()
                .setTaskName(" ")
                .setUnit(" steps", 1)
                .setInitialMax(steps)
                .setStyle(unicode ? ProgressBarStyle.UNICODE_BLOCK : ProgressBarStyle.ASCII)
                .setUpdateIntervalMillis(UPDATE_MILLIS)
                .setConsumer(new ConsoleProgressBarConsumer(terminal))
                .build();
    }

    @Override
    public void note(String line) {
        terminal.println();
        terminal.println(line);
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
            bar = null;
        }
    }
}

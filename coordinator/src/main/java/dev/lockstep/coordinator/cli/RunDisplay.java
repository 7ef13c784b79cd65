package dev.lockstep.coordinator.cli;

import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.api.RunView.MeasurementView;
import java.util.List;
import java.util.Locale;

/** Shows how a run gets on. */
interface RunDisplay extends AutoCloseable {
    /** Shows what has changed since the last call. */
    void show(RunView run);

    /** Shows a line between the others. */
    void note(String line);

    @Override
    void close();

    /** The display that suits a shell. */
    static RunDisplay of(Shell shell) {
        return shell.terminal() ? new BarDisplay(shell.err()) : new PlainDisplay(shell.out(), shell.timer());
    }

    /** A display that shows nothing, for runs that are part of something larger. */
    static RunDisplay silent() {
        return new RunDisplay() {
            @Override
            public void show(RunView run) {
                // Nothing is to be seen.
            }

            @Override
            public void note(String line) {
                // Nothing is to be seen.
            }

            @Override
            public void close() {
                // Nothing is held.
            }
        };
    }

    /** Whether a measurement is neither waiting nor over. */
    static boolean isRunning(MeasurementView measurement) {
        return switch (measurement.state()) {
            case "preparing", "warming-up", "measuring" -> true;
            default -> false;
        };
    }

    /** Whether a measurement is over. */
    static boolean isOver(MeasurementView measurement) {
        return !measurement.state().equals("waiting") && !isRunning(measurement);
    }

    /** How a measurement ended: its throughput or the reason why it has none. */
    static String outcome(MeasurementView measurement) {
        if (measurement.imagesPerSecond() != null) {
            return String.format(Locale.ROOT, "%.2f images/s", measurement.imagesPerSecond());
        }
        return measurement.message() == null
                ? measurement.state()
                : measurement.state() + ": " + firstLine(measurement.message());
    }

    /** A worker's last lines, which follow the sentence that says how it ended, are for the report alone. */
    private static String firstLine(String message) {
        List<String> lines = message.strip().lines().toList();
        String first = lines.get(0).strip();
        return lines.size() == 1 ? first : first.replaceFirst(":$", "") + " (more in the report)";
    }
}

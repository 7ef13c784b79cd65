package dev.lockstep.coordinator.cli;

import dev.lockstep.coordinator.api.RunView;
import java.nio.file.Path;

/** Watches a run until it is over, then prints its report. */
final class RunFollower {
    /** What Ctrl-C means while a run is watched. */
    enum OnInterrupt {
        CANCEL,
        DETACH
    }

    private final Shell shell;
    private final CoordinatorClient client;
    private final ReportPrinter printer;

    RunFollower(Shell shell, CoordinatorClient client) {
        this.shell = shell;
        this.client = client;
        this.printer = new ReportPrinter(shell.out());
    }

    /**
     * Watches a run.
     *
     * @return how the run ended
     * @throws CommandException if the coordinator goes away or, when it is to detach, at Ctrl-C
     */
    ExitStatus follow(RunView run, OnInterrupt onInterrupt) {
        return finish(watch(run, onInterrupt));
    }

    /**
     * Watches a run without printing its report.
     *
     * @return the run as it ended
     * @throws CommandException as {@link #follow} does
     */
    RunView watch(RunView run, OnInterrupt onInterrupt) {
        try (RunDisplay display = RunDisplay.of(shell)) {
            return watchGuarded(run, onInterrupt, display);
        }
    }

    /** As {@link #watch}, but shows nothing. */
    RunView watchSilently(RunView run, OnInterrupt onInterrupt) {
        return watchGuarded(run, onInterrupt, RunDisplay.silent());
    }

    /**
     * As {@link #watchSilently}, for a run that is worth nothing unless it succeeds; Ctrl-C cancels it.
     *
     * @param what the run is, for the sentence that says that it did not
     * @throws CommandException if it did not, with its reason
     */
    RunView require(RunView submitted, String what) {
        RunView run = watchSilently(submitted, OnInterrupt.CANCEL);
        ExitStatus status = ExitStatus.ofRun(run.status());
        if (status != ExitStatus.DONE) {
            throw new CommandException(status, what + ": " + reason(run));
        }
        return run;
    }

    /** Why a run that is over did not succeed, in one sentence. */
    static String reason(RunView run) {
        String why = run.message() != null
                ? run.message()
                : run.measurements().stream()
                        .filter(measurement -> measurement.message() != null)
                        .map(RunDisplay::outcome)
                        .findFirst()
                        .orElse("it did not begin");
        return "run " + run.id() + " " + run.status() + ": " + why;
    }

    private RunView watchGuarded(RunView run, OnInterrupt onInterrupt, RunDisplay display) {
        shell.interrupt().watch();
        try {
            return watch(run, onInterrupt, display);
        } catch (CommandException e) {
            if (e.status() == ExitStatus.NO_CLUSTER) {
                throw wentAway(run.id(), e);
            }
            throw e;
        }
    }

    private RunView watch(RunView submitted, OnInterrupt onInterrupt, RunDisplay display) {
        WatchedRun watched = new WatchedRun(shell, client, submitted);
        RunView run = submitted;
        boolean cancelled = false;
        boolean queued = false;
        display.show(run);
        while (!run.isOver()) {
            if (shell.interrupt().isRequested() && !cancelled) {
                if (onInterrupt == OnInterrupt.DETACH) {
                    throw new CommandException(
                            ExitStatus.CANCELLED,
                            "detached from run " + run.id() + ", which goes on: see it with lockstep attach "
                                    + run.id());
                }
                cancelled = true;
                display.note("cancelling, waiting for the report (Ctrl-C again leaves at once)");
                client.cancel(run.id());
            }
            run = watched.next();
            // Not said of a run that only just arrived: it is queued for a moment even when nothing is before it.
            if (run.status().equals("queued") && !queued) {
                queued = true;
                display.note("waiting for the runs before this one");
            }
            display.show(run);
        }
        return run;
    }

    private ExitStatus finish(RunView run) {
        ExitStatus status = ExitStatus.ofRun(run.status());
        Path reportDir = Path.of(run.reportDir());
        // A run that was cancelled before it began, or whose report could not be written, has none; a completed one
        // must.
        if (status == ExitStatus.DONE || ReportPrinter.isIn(reportDir)) {
            printer.print(reportDir);
        } else {
            shell.out().println("run " + run.id() + " is " + run.status() + " and has no report");
        }
        if (run.message() != null) {
            shell.err().println(Messages.error("run " + run.id() + " " + run.status() + ": " + run.message()));
        }
        return status;
    }

    private CommandException wentAway(String runId, CommandException cause) {
        return new CommandException(
                ExitStatus.NO_CLUSTER,
                "the coordinator went away during run " + runId + ": "
                        + shell.runDir().coordinatorLog().lastWordsSince(0),
                cause);
    }
}

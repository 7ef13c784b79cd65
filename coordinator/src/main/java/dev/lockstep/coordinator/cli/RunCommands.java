package dev.lockstep.coordinator.cli;

import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.cli.RunFollower.OnInterrupt;
import java.nio.file.Path;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** The commands about runs that were submitted before. */
final class RunCommands {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT);

    private RunCommands() {}

    /** {@code lockstep list}. */
    @Command(name = "list", description = "Lists the runs of this run folder, newest first.")
    static final class ListRuns implements Callable<Integer> {
        private final Shell shell;

        ListRuns(Shell shell) {
            this.shell = shell;
        }

        @Override
        public Integer call() {
            Table table = new Table("RUN", "STATUS", "SUBMITTED", "DONE", "REPORT");
            for (RunView run : CoordinatorClient.of(shell.runDir()).runs()) {
                long over =
                        run.measurements().stream().filter(RunDisplay::isOver).count();
                table.add(
                        run.id(),
                        run.status(),
                        TIME.format(run.submittedAt().atZone(ZoneId.systemDefault())),
                        over + "/" + run.measurements().size(),
                        run.reportDir());
            }
            table.lines().forEach(shell.out()::println);
            return ExitStatus.DONE.code();
        }
    }

    /** {@code lockstep report}. */
    @Command(name = "report", description = "Prints a run's report and where it is. Needs no cluster.")
    static final class ShowReport implements Callable<Integer> {
        private final Shell shell;

        @Parameters(paramLabel = "ID", description = "the run, as list shows it")
        String id;

        ShowReport(Shell shell) {
            this.shell = shell;
        }

        @Override
        public Integer call() {
            Path inRunDir = shell.runDir().reportDir(id);
            Path reportDir = ReportPrinter.isIn(inRunDir)
                    ? inRunDir
                    : Path.of(CoordinatorClient.of(shell.runDir()).run(id).reportDir());
            new ReportPrinter(shell.out()).print(reportDir);
            return ExitStatus.DONE.code();
        }
    }

    /** {@code lockstep cancel}. */
    @Command(name = "cancel", description = "Ends a run; what it has measured is in its report.")
    static final class Cancel implements Callable<Integer> {
        private final Shell shell;

        @Parameters(paramLabel = "ID", description = "the run, as list shows it")
        String id;

        Cancel(Shell shell) {
            this.shell = shell;
        }

        @Override
        public Integer call() {
            RunView run = CoordinatorClient.of(shell.runDir()).cancel(id);
            shell.out().println("run " + run.id() + " is " + (run.isOver() ? run.status() : "being cancelled"));
            return ExitStatus.DONE.code();
        }
    }

    /** {@code lockstep attach}. */
    @Command(
            name = "attach",
            description = "Shows the progress of a run and its report at the end. Ctrl-C detaches; the run goes on.")
    static final class Attach implements Callable<Integer> {
        private final Shell shell;

        @Parameters(paramLabel = "ID", description = "the run, as list shows it")
        String id;

        Attach(Shell shell) {
            this.shell = shell;
        }

        @Override
        public Integer call() {
            CoordinatorClient client = CoordinatorClient.of(shell.runDir());
            return new RunFollower(shell, client)
                    .follow(client.run(id), OnInterrupt.DETACH)
                    .code();
        }
    }
}

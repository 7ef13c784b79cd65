package dev.lockstep.coordinator.cli;

import dev.lockstep.coordinator.api.RunView;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lockstep run}. */
@Command(
        name = "run",
        description = {
            "Measures what the options ask for, shows progress, and writes the report.",
            "What is not given has the default that the first lines of output show.",
            "Ctrl-C cancels the run and waits for its report; a second one leaves at once."
        },
        sortOptions = false)
final class Run implements Callable<Integer> {
    private final Shell shell;

    @Spec
    CommandSpec spec;

    @Option(names = "--detach", description = "print the run's id and return at once")
    boolean detach;

    Run(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        Map<String, String> settings =
                new RunOptions(shell.directory()).given(spec.commandLine().getParseResult());
        CoordinatorClient client = CoordinatorClient.of(shell.runDir());
        RunView run = client.submit(settings);
        if (detach) {
            shell.out().println(run.id());
            return ExitStatus.DONE.code();
        }
        return follow(shell, client, run).code();
    }

    /** Says what was submitted and watches it. */
    static ExitStatus follow(Shell shell, CoordinatorClient client, RunView run) {
        shell.out().println("run " + run.id());
        run.configuration().forEach(line -> shell.out().println("  " + line));
        return new RunFollower(shell, client).follow(run, RunFollower.OnInterrupt.CANCEL);
    }
}

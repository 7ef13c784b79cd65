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
        if (detach) {
            shell.out().println(client.submit(settings).id());
            return ExitStatus.DONE.code();
        }
        return submitAndFollow(shell, client, settings).code();
    }

    /** Submits a run, says what it will do, and watches it. */
    static ExitStatus submitAndFollow(Shell shell, CoordinatorClient client, Map<String, String> settings) {
        // Before the run is there, so that no Ctrl-C leaves it running unseen.
        shell.interrupt().watch();
        RunView run = client.submit(settings);
        shell.out().println("run " + run.id());
        run.configuration().forEach(line -> shell.out().println("  " + line));
        return new RunFollower(shell, client).follow(run, RunFollower.OnInterrupt.CANCEL);
    }
}

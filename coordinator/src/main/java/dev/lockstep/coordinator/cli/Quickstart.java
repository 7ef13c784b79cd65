package dev.lockstep.coordinator.cli;

import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code lockstep quickstart}. */
@Command(
        name = "quickstart",
        description = {
            "Starts a cluster on what this machine has, runs the default plan, prints the report, and stops the cluster.",
            "Takes the options of run. deploy/bin/quickstart also builds Lockstep first where that is needed."
        },
        sortOptions = false)
final class Quickstart implements Callable<Integer> {
    private final Shell shell;

    @Spec
    CommandSpec spec;

    Quickstart(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        Map<String, String> settings =
                new RunOptions(shell.directory()).given(spec.commandLine().getParseResult());
        new ClusterLauncher(shell).start(new ClusterOptions().coordinatorCommand(shell));
        ExitGuard guard = ExitGuard.holding(this::stopCluster);
        try {
            CoordinatorClient client = CoordinatorClient.of(shell.runDir());
            return Run.submitAndFollow(shell, client, settings).code();
        } finally {
            guard.undo();
        }
    }

    private void stopCluster() {
        try {
            new ClusterStopper(shell, ClusterStopper.PATIENCE).stop();
        } catch (CommandException e) {
            // What the run came to is said by then, and its exit status stands.
            shell.err().println(Messages.error(e.getMessage()));
        }
    }
}

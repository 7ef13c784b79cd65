package dev.lockstep.coordinator.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** {@code lockstep stop-cluster}. */
@Command(
        name = "stop-cluster",
        description = "Stops the cluster: a run under way is cancelled, and nothing is left running.")
final class StopCluster implements Callable<Integer> {
    private final Shell shell;

    StopCluster(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        new ClusterStopper(shell, ClusterStopper.PATIENCE).stop();
        return ExitStatus.DONE.code();
    }
}

package dev.lockstep.coordinator.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code lockstep start-cluster}. */
@Command(
        name = "start-cluster",
        description = "Starts a cluster in the background and waits until it is ready.",
        sortOptions = false)
final class StartCluster implements Callable<Integer> {
    private final Shell shell;

    @Mixin
    final ClusterOptions options = new ClusterOptions();

    StartCluster(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        new ClusterLauncher(shell).start(options.coordinatorCommand(shell));
        return ExitStatus.DONE.code();
    }
}

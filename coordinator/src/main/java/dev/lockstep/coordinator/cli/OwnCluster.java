package dev.lockstep.coordinator.cli;

/** A cluster that a command starts for itself: it is stopped at close, or at the process's end should that come first. */
final class OwnCluster implements AutoCloseable {
    private final CoordinatorClient client;
    private final ExitGuard guard;

    private OwnCluster(CoordinatorClient client, ExitGuard guard) {
        this.client = client;
        this.guard = guard;
    }

    /**
     * Starts one in the shell's run folder.
     *
     * @throws CommandException as {@link ClusterLauncher#start} does
     */
    static OwnCluster start(Shell shell, ClusterOptions options) {
        new ClusterLauncher(shell).start(options.coordinatorCommand(shell));
        ExitGuard guard = ExitGuard.holding(() -> ClusterStopper.stopOwn(shell));
        return new OwnCluster(CoordinatorClient.of(shell.runDir()), guard);
    }

    CoordinatorClient client() {
        return client;
    }

    @Override
    public void close() {
        guard.undo();
    }
}

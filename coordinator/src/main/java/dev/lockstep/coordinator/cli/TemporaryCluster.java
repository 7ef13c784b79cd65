package dev.lockstep.coordinator.cli;

/** A cluster that lives as long as a command. */
final class TemporaryCluster {
    private TemporaryCluster() {}

    /**
     * Starts a cluster on what this machine has.
     *
     * @return stops it, at the latest when this process ends
     * @throws CommandException as {@link ClusterLauncher#start} does
     */
    static ExitGuard start(Shell shell) {
        new ClusterLauncher(shell).start(new ClusterOptions().coordinatorCommand(shell));
        return ExitGuard.holding(() -> stop(shell));
    }

    private static void stop(Shell shell) {
        try {
            new ClusterStopper(shell, ClusterStopper.PATIENCE).stop();
        } catch (CommandException e) {
            // What the command came to is said by then, and its exit status stands.
            shell.err().println(Messages.error(e.getMessage()));
        }
    }
}

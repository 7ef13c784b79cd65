package dev.lockstep.coordinator.cli;

import dev.lockstep.coordinator.api.DeviceView;
import dev.lockstep.coordinator.api.Endpoint;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;

/** Stops the cluster of a run folder and sees to it that nothing is left running. */
final class ClusterStopper {
    /** How long an orderly stop may take before what is left is killed. */
    static final Duration PATIENCE = Duration.ofSeconds(20);

    private static final Duration KILLED = Duration.ofSeconds(5);

    private final Shell shell;
    private final RunDir runDir;
    private final Duration patience;

    ClusterStopper(Shell shell, Duration patience) {
        this.shell = shell;
        this.patience = patience;
        this.runDir = shell.runDir();
    }

    /**
     * Stops the cluster.
     *
     * @throws CommandException if there is none, or something of it does not end
     */
    void stop() {
        Endpoint endpoint = runDir.endpoint().orElseThrow(runDir::noCluster);
        List<ProcessHandle> processes = List.of();
        try {
            CoordinatorClient client = CoordinatorClient.of(runDir);
            List<DeviceView> devices = client.devices();
            processes = ClusterProcesses.of(endpoint.pid(), devices);
            client.shutdown();
        } catch (CommandException e) {
            if (e.status() != ExitStatus.NO_CLUSTER) {
                throw e;
            }
            processes = ClusterProcesses.of(endpoint.pid(), List.of());
            if (processes.isEmpty()) {
                runDir.deleteEndpoint();
                throw new CommandException(
                        ExitStatus.NO_CLUSTER,
                        "no cluster is running in " + runDir.path() + ", its last one ended without a word: see "
                                + runDir.coordinatorLog().file(),
                        e);
            }
            shell.err().println(Messages.error(e.getMessage() + "; it will be killed"));
            processes.forEach(ProcessHandle::destroyForcibly);
        }
        if (!awaitEnd(processes, patience)) {
            List<ProcessHandle> left =
                    processes.stream().filter(ProcessHandle::isAlive).toList();
            shell.err()
                    .println(Messages.error(
                            "still running after " + Messages.duration(patience) + ", killed: " + pids(left)));
            left.forEach(ProcessHandle::destroyForcibly);
            if (!awaitEnd(left, KILLED)) {
                throw new CommandException(
                        ExitStatus.FAILED, "these processes do not end, end them by hand: " + pids(left));
            }
        }
        runDir.deleteEndpoint();
        shell.out().println("stopped the cluster in " + runDir.path());
    }

    /** Stops a cluster that a command started for itself. Should that fail it is said, and what the command came to stands. */
    static void stopOwn(Shell shell) {
        try {
            new ClusterStopper(shell, PATIENCE).stop();
        } catch (CommandException e) {
            shell.err().println(Messages.error(e.getMessage()));
        }
    }

    private static boolean awaitEnd(List<ProcessHandle> processes, Duration timeout) {
        CompletableFuture<?>[] ends =
                processes.stream().map(ProcessHandle::onExit).toArray(CompletableFuture<?>[]::new);
        try {
            CompletableFuture.allOf(ends).get(timeout.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandException(ExitStatus.CANCELLED, "interrupted while waiting for " + pids(processes), e);
        } catch (ExecutionException e) {
            throw new IllegalStateException("a process's end cannot fail", e);
        }
    }

    private static String pids(List<ProcessHandle> processes) {
        return processes.stream().map(process -> "pid " + process.pid()).collect(Collectors.joining(", "));
    }
}

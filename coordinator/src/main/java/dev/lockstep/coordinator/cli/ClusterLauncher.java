package dev.lockstep.coordinator.cli;

import dev.lockstep.coordinator.api.ClusterView;
import dev.lockstep.coordinator.api.DeviceView;
import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Starts a coordinator in the background and waits until its cluster is ready. */
final class ClusterLauncher {
    private static final Duration INTERVAL = Duration.ofMillis(200);
    private static final Duration REPORT_INTERVAL = Duration.ofSeconds(10);
    /** Without any progress; what takes long, as the unpacking of gigabytes, says how far it is. */
    private static final Duration DEADLINE = Duration.ofMinutes(5);

    private final Shell shell;
    private final RunDir runDir;
    private final CoordinatorLog log;

    ClusterLauncher(Shell shell) {
        this.shell = shell;
        this.runDir = shell.runDir();
        this.log = runDir.coordinatorLog();
    }

    /**
     * Starts a cluster.
     *
     * @param command the coordinator's command line
     * @throws CommandException if one is already running in the folder, if the coordinator ends before the cluster is ready (with
     *     the coordinator's own sentence and exit status), or at Ctrl-C; nothing is left running then
     */
    void start(List<String> command) {
        runDir.prepare();
        refuseIfRunning();
        runDir.deleteEndpoint();
        shell.interrupt().watch();
        shell.out().println("starting a cluster in " + runDir.path());
        long startNanos = shell.timer().nanos();
        long logStart = log.size();
        Process process = spawn(command);
        ExitGuard guard = ExitGuard.holding(process::destroyForcibly);
        try {
            ClusterView cluster = awaitReady(process, logStart, startNanos);
            guard.release();
            String devices = cluster.devices().stream().map(DeviceView::id).collect(Collectors.joining(", "));
            shell.out().println("ready after " + Messages.duration(elapsed(startNanos)) + ": " + devices);
        } finally {
            guard.undo();
        }
    }

    private void refuseIfRunning() {
        runDir.endpoint().ifPresent(endpoint -> {
            if (ClusterProcesses.find(endpoint.pid()).isPresent() || answers()) {
                throw new CommandException(
                        ExitStatus.ENVIRONMENT,
                        "a cluster is already running in " + runDir.path() + " (pid " + endpoint.pid()
                                + "): stop it with deploy/bin/stop-cluster, or set LOCKSTEP_RUN_DIR to another folder");
            }
        });
    }

    private boolean answers() {
        try {
            CoordinatorClient.of(runDir).status();
            return true;
        } catch (CommandException e) {
            return e.status() != ExitStatus.NO_CLUSTER;
        }
    }

    private Process spawn(List<String> command) {
        List<String> detached = new ArrayList<>();
        if (isOnPath("setsid")) {
            // A session of its own: Ctrl-C in the user's shell is not meant for it.
            detached.add("setsid");
        }
        detached.addAll(command);
        try {
            return new ProcessBuilder(detached)
                    .directory(runDir.path().toFile())
                    .redirectInput(Redirect.from(new File("/dev/null")))
                    .redirectOutput(Redirect.appendTo(log.file().toFile()))
                    .redirectErrorStream(true)
                    .start();
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.ENVIRONMENT, "cannot start the coordinator (" + Messages.of(e) + ")", e);
        }
    }

    private static boolean isOnPath(String program) {
        String path = System.getenv("PATH");
        return path != null
                && List.of(path.split(File.pathSeparator)).stream()
                        .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
    }

    private ClusterView awaitReady(Process process, long logStart, long startNanos) {
        long reportedNanos = startNanos;
        long movedNanos = startNanos;
        String before = "";
        while (process.isAlive()) {
            if (shell.interrupt().isRequested()) {
                throw new CommandException(ExitStatus.CANCELLED, "cancelled before the cluster was ready");
            }
            Optional<ClusterView> cluster = ask(process);
            if (cluster.isPresent() && notReady(cluster.get()).isEmpty()) {
                return cluster.get();
            }
            String waiting = cluster.map(ClusterLauncher::notReady)
                    .map(ids -> "waiting for " + String.join(", ", ids))
                    .orElseGet(() -> log.progressSince(logStart).orElse("waiting for the coordinator"));
            if (!waiting.equals(before)) {
                before = waiting;
                movedNanos = shell.timer().nanos();
            }
            if (elapsed(movedNanos).compareTo(DEADLINE) > 0) {
                throw new CommandException(
                        ExitStatus.ENVIRONMENT,
                        "the cluster is not ready, and for " + DEADLINE.toMinutes() + " min still " + waiting + ": see "
                                + log.file());
            }
            if (elapsed(reportedNanos).compareTo(REPORT_INTERVAL) >= 0) {
                reportedNanos = shell.timer().nanos();
                shell.out().println(waiting + ", " + Messages.duration(elapsed(startNanos)));
            }
            shell.timer().pause(INTERVAL);
        }
        throw ended(process.exitValue(), logStart);
    }

    /** The cluster of this very process; empty as long as it does not answer. */
    private Optional<ClusterView> ask(Process process) {
        if (runDir.endpoint()
                .filter(endpoint -> endpoint.pid() == process.pid())
                .isEmpty()) {
            return Optional.empty();
        }
        return CoordinatorClient.find(runDir);
    }

    private static List<String> notReady(ClusterView cluster) {
        return cluster.devices().stream()
                .filter(device ->
                        !device.state().equals("ready") && !device.state().equals("busy"))
                .map(device -> device.id() + " (" + device.state() + ")")
                .toList();
    }

    private CommandException ended(int exitCode, long logStart) {
        String sentence;
        try {
            sentence = log.errorSince(logStart)
                    .orElseGet(() -> "the coordinator ended with exit status " + exitCode
                            + " before the cluster was ready: " + log.lastWordsSince(logStart));
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.ofProcess(exitCode),
                    "the coordinator ended before the cluster was ready, and " + log.file() + " cannot be read ("
                            + Messages.of(e) + ")",
                    e);
        }
        return new CommandException(ExitStatus.ofProcess(exitCode), sentence);
    }

    private Duration elapsed(long sinceNanos) {
        return Duration.ofNanos(shell.timer().nanos() - sinceNanos);
    }
}

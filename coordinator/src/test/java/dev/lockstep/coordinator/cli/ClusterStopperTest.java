package dev.lockstep.coordinator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.coordinator.api.DeviceView;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The cluster's processes are shells here that wait for a line that never comes. */
class ClusterStopperTest {
    @TempDir
    Path folder;

    private final List<Process> processes = new ArrayList<>();

    @AfterEach
    void endProcesses() throws InterruptedException {
        for (Process process : processes) {
            process.destroyForcibly().waitFor();
        }
    }

    @Test
    void shouldStopInOrder() throws Exception {
        Process coordinatorProcess = process("dev.lockstep.Coordinator");
        Process worker = process("dev.lockstep.Worker");
        FakeShell shell = new FakeShell(folder);
        try (FakeCoordinator coordinator = coordinator(coordinatorProcess, worker)) {
            coordinator.on("POST /shutdown", () -> {
                end(worker);
                end(coordinatorProcess);
                return new FakeCoordinator.Answer(202, null);
            });
            assertEquals(0, shell.execute("stop-cluster"));
        }
        assertEquals(List.of("stopped the cluster in " + folder.resolve("run")), shell.out());
        assertEquals(List.of(), shell.err());
        assertFalse(Files.exists(folder.resolve("run/endpoint.json")));
    }

    @Test
    void shouldKillWhatDoesNotEndByItself() throws Exception {
        Process coordinatorProcess = process("dev.lockstep.Coordinator");
        Process worker = process("dev.lockstep.Worker");
        FakeShell shell = new FakeShell(folder);
        try (FakeCoordinator coordinator = coordinator(coordinatorProcess, worker)) {
            coordinator.on("POST /shutdown", () -> {
                end(coordinatorProcess);
                return new FakeCoordinator.Answer(202, null);
            });
            new ClusterStopper(shell.shell(), Duration.ofMillis(100)).stop();
        }
        assertFalse(worker.isAlive());
        assertEquals(List.of("lockstep: still running after 0.1 s, killed: pid " + worker.pid()), shell.err());
    }

    @Test
    void shouldNotTouchAnotherProgramThatHasAWorkersId() throws Exception {
        Process coordinatorProcess = process("dev.lockstep.Coordinator");
        Process stranger = process("stranger");
        FakeShell shell = new FakeShell(folder);
        try (FakeCoordinator coordinator = coordinator(coordinatorProcess, stranger)) {
            coordinator.on("POST /shutdown", () -> {
                end(coordinatorProcess);
                return new FakeCoordinator.Answer(202, null);
            });
            new ClusterStopper(shell.shell(), Duration.ofMillis(100)).stop();
        }
        assertTrue(stranger.isAlive());
        assertEquals(List.of(), shell.err());
    }

    @Test
    void shouldKillACoordinatorThatDoesNotAnswer() throws Exception {
        Process coordinatorProcess = process("dev.lockstep.Coordinator");
        FakeShell shell = new FakeShell(folder);
        coordinator(coordinatorProcess, coordinatorProcess).close();
        assertEquals(0, shell.execute("stop-cluster"));
        assertFalse(coordinatorProcess.isAlive());
        assertEquals(1, shell.err().size());
    }

    @Test
    void shouldRemoveTheEndpointFileOfAClusterThatIsGone() throws IOException {
        FakeShell shell = new FakeShell(folder);
        FakeCoordinator.in(folder.resolve("run")).close();
        CommandException refusal = assertThrows(
                CommandException.class, () -> new ClusterStopper(shell.shell(), Duration.ofMillis(100)).stop());
        assertEquals(ExitStatus.NO_CLUSTER, refusal.status());
        assertFalse(Files.exists(folder.resolve("run/endpoint.json")));
    }

    private FakeCoordinator coordinator(Process coordinatorProcess, Process worker) throws IOException {
        FakeCoordinator coordinator = FakeCoordinator.in(folder.resolve("run"));
        coordinator.writeEndpoint(coordinatorProcess.pid(), "secret");
        coordinator.on(
                "GET /devices",
                List.of(new DeviceView("cpu:0", "a processor", "ready", "0", null, worker.pid(), null, null, null)));
        return coordinator;
    }

    private Process process(String name) throws IOException {
        Process process = new ProcessBuilder("sh", "-c", "echo ready; read line", name).start();
        processes.add(process);
        // Before that the process still has the command line of the one that forked it.
        assertEquals("ready", process.inputReader().readLine());
        return process;
    }

    private static void end(Process process) {
        process.destroyForcibly().onExit().join();
    }
}

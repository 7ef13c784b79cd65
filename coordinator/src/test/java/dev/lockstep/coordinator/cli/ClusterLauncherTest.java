package dev.lockstep.coordinator.cli;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.coordinator.api.ClusterView;
import dev.lockstep.coordinator.api.DeviceView;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The coordinator is a shell script here. */
class ClusterLauncherTest {
    @TempDir
    Path folder;

    private FakeShell shell;
    private Path runDir;
    private Path log;

    @BeforeEach
    void prepare() {
        shell = new FakeShell(folder, Shell.Timer.system());
        runDir = folder.resolve("run");
        log = runDir.resolve("logs/coordinator.log");
    }

    @Test
    void shouldWaitUntilEveryDeviceIsReady() throws IOException {
        try (FakeCoordinator coordinator = FakeCoordinator.in(runDir)) {
            Files.delete(runDir.resolve("endpoint.json"));
            coordinator.onSequence("GET /status", List.of(cluster("starting"), cluster("starting"), cluster("ready")));
            start("printf '{\"port\":" + coordinator.port()
                    + ",\"pid\":%d,\"token\":\"secret\"}' $$ > new; mv new endpoint.json; exec sleep 60");
            assertEquals(3, coordinator.requests().size());
        } finally {
            endCoordinator();
        }
        assertEquals("starting a cluster in " + runDir, shell.out().get(0));
        assertTrue(shell.out().get(1).matches("ready after [0-9.]+ s: cpu:0"), shell.out()::toString);
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(runDir)));
    }

    @Test
    void shouldPassOnWhatTheCoordinatorSays() throws IOException {
        Files.createDirectories(log.getParent());
        Files.writeString(log, "error: of the last time\n");
        CommandException refusal = refusal("echo error: port 80 is taken, choose another; echo bye >&2; exit 3");
        assertEquals(ExitStatus.ENVIRONMENT, refusal.status());
        assertEquals("port 80 is taken, choose another", refusal.getMessage());
    }

    /** The coordinator moves five times, 100 s apart: longer than the deadline, which is for a standstill. */
    @Test
    void shouldWaitAsLongAsAStartGetsOn() {
        FakeShell patient = new FakeShell(folder, new Shell.Timer() {
            private int pauses;

            @Override
            public void pause(Duration duration) {
                if (++pauses <= 5) {
                    assertDoesNotThrow(() -> Files.writeString(
                            log, "progress: unpacking: " + pauses + " of 5\n", StandardOpenOption.APPEND));
                }
            }

            @Override
            public long nanos() {
                return Duration.ofSeconds(100).multipliedBy(pauses).toNanos();
            }
        });
        CommandException end = assertThrows(CommandException.class, () -> new ClusterLauncher(patient.shell())
                .start(List.of("sh", "-c", "exec sleep 60")));
        assertEquals(ExitStatus.ENVIRONMENT, end.status());
        assertEquals("the cluster is not ready, and for 5 min still unpacking: 5 of 5: see " + log, end.getMessage());
        assertTrue(patient.out().contains("unpacking: 1 of 5, 1 min 40 s"), patient.out()::toString);
    }

    @Test
    void shouldQuoteTheLogOfACoordinatorThatSaysNothing() {
        CommandException refusal = refusal("echo loading >&2; echo Segmentation fault >&2; exit 139");
        assertEquals(ExitStatus.FAILED, refusal.status());
        assertEquals(
                "the coordinator ended with exit status 139 before the cluster was ready: see " + log
                        + ", which ends with: Segmentation fault",
                refusal.getMessage());
    }

    @Test
    void shouldNotTakeAnEarlyEndForSuccess() {
        assertEquals(ExitStatus.FAILED, refusal("exit 0").status());
    }

    @Test
    void shouldRefuseAFolderWhoseClusterAnswers() throws IOException {
        try (FakeCoordinator coordinator = FakeCoordinator.in(runDir)) {
            coordinator.on("GET /status", cluster("ready"));
            CommandException refusal = refusal("exit 0");
            assertEquals(ExitStatus.ENVIRONMENT, refusal.status());
            assertEquals(
                    "a cluster is already running in " + runDir + " (pid "
                            + ProcessHandle.current().pid()
                            + "): stop it with deploy/bin/stop-cluster, or set LOCKSTEP_RUN_DIR to another folder",
                    refusal.getMessage());
            assertTrue(Files.exists(runDir.resolve("endpoint.json")));
        }
    }

    @Test
    void shouldForgetAClusterThatIsGone() throws IOException {
        FakeCoordinator.in(runDir).close();
        assertEquals(
                "all new",
                refusal("test ! -e endpoint.json && echo error: all new").getMessage());
    }

    @Test
    void shouldEndTheCoordinatorAtControlC() throws IOException {
        Path pidFile = folder.resolve("pid");
        Thread user = new Thread(() -> {
            while (!Files.exists(pidFile)) {
                Thread.onSpinWait();
            }
            shell.pressControlC();
        });
        user.start();
        CommandException end = refusal("echo $$ > ../new; mv ../new ../pid; exec sleep 60");
        assertEquals(ExitStatus.CANCELLED, end.status());
        long pid = Long.parseLong(Files.readString(pidFile).strip());
        ProcessHandle.of(pid).ifPresent(process -> process.onExit().join());
        assertFalse(ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false));
    }

    @Test
    void shouldSayThatARunFolderCannotBeMade() throws IOException {
        Files.writeString(folder.resolve("run"), "a file");
        CommandException refusal = refusal("exit 0");
        assertEquals(ExitStatus.ENVIRONMENT, refusal.status());
        assertTrue(refusal.getMessage().contains(runDir.toString()), refusal.getMessage());
    }

    private void start(String script) {
        new ClusterLauncher(shell.shell()).start(List.of("sh", "-c", script));
    }

    private CommandException refusal(String script) {
        return assertThrows(CommandException.class, () -> start(script));
    }

    private void endCoordinator() throws IOException {
        long pid = Json.MAPPER
                .readTree(runDir.resolve("endpoint.json").toFile())
                .get("pid")
                .asLong();
        ProcessHandle.of(pid).ifPresent(process -> {
            process.destroyForcibly();
            process.onExit().join();
        });
    }

    private ClusterView cluster(String state) {
        return new ClusterView(
                "0",
                Instant.EPOCH,
                runDir.toString(),
                List.of(new DeviceView("cpu:0", "a processor", state, "0", null, null, null, null, null)),
                null,
                List.of());
    }
}

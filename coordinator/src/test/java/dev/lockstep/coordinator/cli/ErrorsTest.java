package dev.lockstep.coordinator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever goes wrong is one line on standard error and the exit status of its kind. */
class ErrorsTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "run --stepz 3|unknown option --stepz, see lockstep run --help",
                "run --steps many|invalid value for option '--steps': 'many' is not a whole number, see lockstep run --help",
                "run --momentum x|invalid value for option '--momentum': 'x' is not a number, see lockstep run --help",
                "run --steps 1 --steps 2|option '--steps' (N) should be specified only once, see lockstep run --help",
                "devices all|unexpected argument 'all', see lockstep devices --help",
                "cancel|missing required parameter: 'ID', see lockstep cancel --help",
                "dance|unknown command 'dance', see lockstep --help"
            })
    void shouldRefuseWrongUsage(String arguments, String message) {
        FakeShell shell = new FakeShell(folder);
        assertEquals(2, shell.execute(arguments.split(" ", -1)));
        assertEquals(List.of("lockstep: " + message), shell.err());
        assertEquals(List.of(), shell.out());
    }

    @Test
    void shouldAskForACommand() {
        FakeShell shell = new FakeShell(folder);
        assertEquals(2, shell.execute());
        assertEquals(List.of("lockstep: no command given, see lockstep --help"), shell.err());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "quickstart",
                "start-cluster",
                "stop-cluster",
                "devices",
                "status",
                "run",
                "list",
                "report",
                "cancel",
                "attach"
            })
    void shouldHelpWithEveryCommand(String command) {
        FakeShell shell = new FakeShell(folder);
        assertEquals(0, shell.execute(command, "--help"));
        assertTrue(shell.out().get(0).startsWith("Usage: lockstep " + command), () -> "" + shell.out());
        assertEquals(List.of(), shell.err());
    }

    @ParameterizedTest
    @ValueSource(strings = {"stop-cluster", "devices", "status", "run", "list", "report x", "cancel x", "attach x"})
    void shouldSayThatThereIsNoCluster(String arguments) {
        FakeShell shell = new FakeShell(folder);
        assertEquals(4, shell.execute(arguments.split(" ", -1)));
        assertEquals(List.of(noCluster()), shell.err());
    }

    @Test
    void shouldSayThatThereIsNoClusterWhenItsProcessIsGone() throws Exception {
        Process ended = new ProcessBuilder("true").start();
        ended.waitFor();
        FakeShell shell = new FakeShell(folder);
        try (FakeCoordinator coordinator = FakeCoordinator.in(folder.resolve("run"))) {
            coordinator.writeEndpoint(ended.pid(), "secret");
            assertEquals(4, shell.execute("status"));
            assertEquals(List.of(noCluster()), shell.err());
            assertEquals(List.of(), coordinator.requests());
        }
    }

    @Test
    void shouldSayThatThereIsNoClusterWhenItsPortIsClosed() throws IOException {
        FakeCoordinator.in(folder.resolve("run")).close();
        FakeShell shell = new FakeShell(folder);
        assertEquals(4, shell.execute("status"));
        assertEquals(List.of(noCluster()), shell.err());
    }

    @Test
    void shouldSayWhatIsWrongWithTheEndpointFile() throws IOException {
        Path file = Files.createDirectories(folder.resolve("run")).resolve("endpoint.json");
        Files.writeString(file, "not json");
        FakeShell shell = new FakeShell(folder);
        assertEquals(4, shell.execute("status"));
        assertEquals(1, shell.err().size());
        assertTrue(shell.err().get(0).startsWith("lockstep: cannot read " + file + " ("), shell.err()::toString);
    }

    @Test
    void shouldNotTrustAPortThatDoesNotKnowTheToken() throws IOException {
        FakeShell shell = new FakeShell(folder);
        try (FakeCoordinator coordinator = FakeCoordinator.in(folder.resolve("run"))) {
            coordinator.writeEndpoint(ProcessHandle.current().pid(), "another");
            assertEquals(4, shell.execute("status"));
            assertEquals(
                    List.of("lockstep: port " + coordinator.port() + " does not accept the token in "
                            + folder.resolve("run/endpoint.json") + ": it belongs to another cluster"),
                    shell.err());
        }
    }

    @ParameterizedTest
    @CsvSource({"400, USAGE, 2", "409, ENVIRONMENT, 3", "400, DATA, 1", "500, INTERNAL, 1", "409, NOT_ENOUGH_MEMORY, 1"
    })
    void shouldPassOnWhatTheCoordinatorRefuses(int httpStatus, FailureCategory category, int exitStatus)
            throws IOException {
        FakeShell shell = new FakeShell(folder);
        try (FakeCoordinator coordinator = FakeCoordinator.in(folder.resolve("run"))) {
            coordinator.refuse("POST /runs", httpStatus, category, "batch 0:\nask for at least 1");
            assertEquals(exitStatus, shell.execute("run", "--batch-per-device", "0"));
            assertEquals(List.of("lockstep: batch 0: ask for at least 1"), shell.err());
            assertEquals(List.of(), shell.out());
        }
    }

    @Test
    void shouldSayThatAnAnswerCannotBeRead() throws IOException {
        FakeShell shell = new FakeShell(folder);
        try (FakeCoordinator coordinator = FakeCoordinator.in(folder.resolve("run"))) {
            coordinator.on("GET /status", List.of("something", "else"));
            assertEquals(4, shell.execute("status"));
            assertEquals(1, shell.err().size());
            assertTrue(shell.err().get(0).contains("cannot read"), shell.err()::toString);
        }
    }

    private String noCluster() {
        return "lockstep: no cluster is running in " + folder.resolve("run")
                + ": start one with deploy/bin/start-cluster";
    }
}

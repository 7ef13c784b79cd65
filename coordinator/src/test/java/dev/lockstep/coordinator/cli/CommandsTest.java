package dev.lockstep.coordinator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.coordinator.api.ClusterView;
import dev.lockstep.coordinator.api.DeviceView;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.api.RunView.MeasurementView;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CommandsTest {
    private static final List<DeviceView> DEVICES = List.of(
            new DeviceView("cpu:0", "a processor", "ready", "0-1", null, 41L, null, null, null),
            new DeviceView("cuda:0", "a graphics card", "dead", null, 40960L, null, 512L, 37, "8.0"));

    @TempDir
    Path folder;

    private FakeShell shell;
    private FakeCoordinator coordinator;

    @BeforeEach
    void start() throws IOException {
        shell = new FakeShell(folder);
        coordinator = FakeCoordinator.in(folder.resolve("run"));
    }

    @AfterEach
    void stop() {
        coordinator.close();
    }

    @Test
    void shouldListDevices() {
        coordinator.on("GET /devices", DEVICES);
        assertEquals(0, shell.execute("devices"));
        assertEquals(
                List.of(
                        "DEVICE  STATE  CPUS  MEMORY            USE   PID  NAME",
                        "cpu:0   ready  0-1   -                 -     41   a processor",
                        "cuda:0  dead   -     512 of 40960 MiB  37 %  -    a graphics card"),
                shell.out());
    }

    @Test
    void shouldShowTheStatus() {
        coordinator.on(
                "GET /status", new ClusterView("1.2", Instant.now(), "/some/run", DEVICES, "r7", List.of("r8", "r9")));
        List<MeasurementView> measurements = List.of(
                new MeasurementView("m1", "1 device", "ok", 5, 5, 3.5, null),
                new MeasurementView("m2", "2 devices", "measuring", 3, 5, null, null));
        coordinator.on(
                "GET /runs/r7", new RunView("r7", "running", Instant.EPOCH, List.of(), measurements, "/there", null));
        assertEquals(0, shell.execute("status"));
        assertTrue(
                shell.out().get(0).matches("cluster: /some/run, up for [0-9.]+ s, Lockstep 1.2"),
                shell.out()::toString);
        assertEquals(
                List.of(
                        "devices: cpu:0 ready, cuda:0 dead",
                        "running: r7, [2/2] 2 devices, measuring, step 3 of 5",
                        "queued:  r8, r9"),
                shell.out().subList(1, 4));
    }

    @Test
    void shouldListRuns() {
        Instant submitted = Instant.parse("2026-01-02T03:04:05Z");
        List<MeasurementView> measurements = List.of(
                new MeasurementView("m1", "1 device", "ok", 2, 2, 3.5, null),
                new MeasurementView("m2", "2 devices", "waiting", 0, 2, null, null));
        coordinator.on(
                "GET /runs", List.of(new RunView("r1", "running", submitted, List.of(), measurements, "/there", null)));
        assertEquals(0, shell.execute("list"));
        String time =
                DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss").format(submitted.atZone(ZoneId.systemDefault()));
        assertEquals(
                List.of("RUN  STATUS   SUBMITTED            DONE  REPORT", "r1   running  " + time + "  1/2   /there"),
                shell.out());
    }

    @Test
    void shouldCancelARun() {
        coordinator.on(
                "POST /runs/r%201/cancel",
                new RunView("r 1", "running", Instant.EPOCH, List.of(), List.of(), "/there", null));
        assertEquals(0, shell.execute("cancel", "r 1"));
        assertEquals(List.of("run r 1 is being cancelled"), shell.out());
    }

    @Test
    void shouldPrintAReportThatLiesElsewhere() throws IOException {
        Path reportDir = folder.resolve("elsewhere");
        SmallReport.writeTo(reportDir);
        coordinator.on(
                "GET /runs/r1",
                new RunView("r1", "completed", Instant.EPOCH, List.of(), List.of(), reportDir.toString(), null));
        assertEquals(0, shell.execute("report", "r1"));
        assertTrue(shell.out().contains(SmallReport.LINE), shell.out()::toString);
        assertTrue(shell.out().get(shell.out().size() - 1).startsWith("report: " + reportDir + " ("));
    }

    @Test
    void shouldPrintAReportWithoutACluster() throws IOException {
        coordinator.close();
        SmallReport.writeTo(folder.resolve("run/reports/r1"));
        assertEquals(0, shell.execute("report", "r1"));
        assertTrue(shell.out().contains(SmallReport.LINE), shell.out()::toString);
    }

    @Test
    void shouldMakeTheCoordinatorsCommandLine() throws IOException {
        for (String module : List.of("coordinator", "worker")) {
            Path target = Files.createDirectories(folder.resolve("home/" + module + "/target"));
            Files.createFile(target.resolve("lockstep-" + module + "-1.jar"));
            Files.createFile(target.resolve("lockstep-" + module + "-1-tests.jar"));
        }
        ClusterOptions options = new ClusterOptions();
        options.devices = "cpu:2";
        options.port = 8080;
        List<String> command = options.coordinatorCommand(shell.shell());
        Path home = folder.resolve("home");
        assertEquals(
                List.of(
                        "dev.lockstep.coordinator.cluster.CoordinatorMain",
                        "--run-dir",
                        folder.resolve("run").toString(),
                        "--devices",
                        "cpu:2",
                        "--port",
                        "8080",
                        "--worker-class-path",
                        home + "/worker/target/lockstep-worker-1.jar:" + home + "/worker/target/lib/*",
                        "--cuda-natives-jar",
                        home.resolve("worker/target/cuda-natives-jar").toString(),
                        "--conf",
                        home + "/deploy/conf/lockstep.conf"),
                command.subList(command.indexOf("-cp") + 2, command.size()));
        assertEquals(
                home + "/coordinator/target/lockstep-coordinator-1.jar:" + home + "/coordinator/target/lib/*",
                command.get(command.indexOf("-cp") + 1));
    }

    @Test
    void shouldSayThatItIsNotBuilt() {
        assertEquals(3, shell.execute("start-cluster"));
        assertEquals(
                List.of("lockstep: Lockstep is not built, " + folder.resolve("home/coordinator/target")
                        + " has no jar: build it with mvn -q -DskipTests package"),
                shell.err());
    }
}

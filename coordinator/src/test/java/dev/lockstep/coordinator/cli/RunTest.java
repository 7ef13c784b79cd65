package dev.lockstep.coordinator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.SerializationFeature;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.api.RunView.MeasurementView;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunTest {
    private static final List<MeasurementView> WAITING = List.of(one("waiting", 0, null), two("waiting", 0, null));
    private static final List<MeasurementView> DONE = List.of(one("ok", 12, 5.8), two("ok", 12, 10.972));

    @TempDir
    Path folder;

    private FakeShell shell;
    private FakeCoordinator coordinator;

    @BeforeEach
    void start() throws IOException {
        shell = new FakeShell(folder);
        coordinator = FakeCoordinator.in(folder.resolve("run"));
        Files.createDirectories(reportDir().resolve("plots"));
        SmallReport.writeTo(reportDir());
    }

    @AfterEach
    void stop() {
        coordinator.close();
    }

    @Test
    void shouldSendOnlyWhatTheUserGave() {
        coordinator.on("POST /runs", run("completed", DONE));
        assertEquals(0, shell.execute("run", "--devices", "1,2", "--steps=20", "--learning-rate", "1e-3"));
        assertEquals("{\"settings\":{\"devices\":\"1,2\",\"learning-rate\":\"1e-3\",\"steps\":\"20\"}}", sortedBody());
    }

    @Test
    void shouldSendAbsolutePaths() {
        coordinator.on("POST /runs", run("completed", DONE));
        shell.execute("run", "--data", "imagefolder:photos", "--output", "out/../there");
        assertEquals(
                "{\"settings\":{\"data\":\"imagefolder:%s\",\"output\":\"%s\"}}"
                        .formatted(folder.resolve("photos"), folder.resolve("there")),
                sortedBody());
    }

    @Test
    void shouldSendAbsolutePathsOfFiles() {
        coordinator.on("POST /runs", run("completed", DONE));
        shell.execute("run", "--data", "tensors:b", "--weights", "w", "--save-weights", "../s");
        assertEquals(
                "{\"settings\":{\"data\":\"tensors:%s\",\"save-weights\":\"%s\",\"weights\":\"%s\"}}"
                        .formatted(folder.resolve("b"), folder.resolveSibling("s"), folder.resolve("w")),
                sortedBody());
    }

    @Test
    void shouldTakeAFlagWithAndWithoutItsValue() {
        coordinator.on("POST /runs", run("completed", DONE));
        assertEquals(0, shell.execute("run", "--nesterov", "--steps", "3"));
        assertEquals("{\"settings\":{\"nesterov\":\"true\",\"steps\":\"3\"}}", sortedBody());
        assertEquals(0, shell.execute("run", "--nesterov=false"));
        assertEquals(2, shell.execute("run", "--nesterov=yes"));
        assertTrue(shell.err().get(0).contains("'yes' is neither true nor false"), shell.err()::toString);
    }

    @Test
    void shouldLetTheCommandLineWinOverThePlan() throws IOException {
        Files.writeString(folder.resolve("plan.conf"), "steps = 5, batch-per-device = 8, seed = 7");
        coordinator.on("POST /runs", run("completed", DONE));
        shell.execute("run", "--plan", "plan.conf", "--steps", "6", "--global-batch", "10");
        assertEquals("{\"settings\":{\"global-batch\":\"10\",\"seed\":\"7\",\"steps\":\"6\"}}", sortedBody());
    }

    @Test
    void shouldShowProgressInPlainLines() {
        coordinator.on("POST /runs", run("queued", WAITING));
        // The clock advances a second between two answers: twenty of them are two lines of progress.
        List<RunView> views = new ArrayList<>();
        views.add(run("queued", WAITING));
        views.addAll(
                Collections.nCopies(22, run("running", List.of(one("measuring", 7, null), two("waiting", 0, null)))));
        views.add(run("running", List.of(one("ok", 12, 5.8), two("preparing", 0, null))));
        views.add(run("partial", List.of(one("ok", 12, 5.8), failedTwo())));
        coordinator.onSequence("GET /runs/r1", views);
        assertEquals(1, shell.execute("run"));
        assertEquals(
                List.of(
                        "run r1",
                        "  devices: 1, 2",
                        "waiting for the runs before this one",
                        "[1/2] 1 device",
                        "[1/2] measuring, step 7 of 12",
                        "[1/2] measuring, step 7 of 12",
                        "[1/2] 5.80 images/s",
                        "[2/2] 2 devices",
                        "[2/2] failed: cpu:1 was killed; its last lines (more in the report)",
                        ""),
                shell.out().subList(0, 10));
        assertTrue(shell.out().contains(SmallReport.LINE), shell.out()::toString);
        assertEquals(
                "report: " + reportDir() + " (plots/, report.csv, report.html, report.json, report.md)",
                shell.out().get(shell.out().size() - 1));
        assertEquals(List.of(), shell.err());
    }

    @Test
    void shouldLookMoreSeldomTheLongerARunTakes() {
        coordinator.on("POST /runs", run("running", WAITING)).on("GET /runs/r1", () -> {
            boolean over = clock().compareTo(Duration.ofMinutes(2)) >= 0;
            return new FakeCoordinator.Answer(200, run(over ? "completed" : "running", over ? DONE : WAITING));
        });
        assertEquals(0, shell.execute("run"));
        long looks =
                coordinator.requests().stream().filter("GET /runs/r1"::equals).count();
        // Once a second for 20 s, then at 5 % of the time that has passed until that is 5 s: 20 + 20 ln 5 + 4.
        assertTrue(looks > 45 && looks < 60, () -> looks + " looks in two minutes");
        assertTrue(clock().compareTo(Duration.ofSeconds(125)) <= 0, () -> "seen after " + clock());
    }

    @Test
    void shouldSeeWithinASecondThatALongRunIsCancelled() {
        Duration[] pressed = {null};
        coordinator
                .on("POST /runs", run("running", WAITING))
                .on("POST /runs/r1/cancel", run("running", WAITING))
                .on("GET /runs/r1", () -> {
                    if (pressed[0] == null && clock().compareTo(Duration.ofMinutes(2)) >= 0) {
                        pressed[0] = clock();
                        shell.pressControlC();
                    }
                    boolean cancelled = coordinator.requests().contains("POST /runs/r1/cancel");
                    return new FakeCoordinator.Answer(200, run(cancelled ? "cancelled" : "running", WAITING));
                });
        assertEquals(130, shell.execute("run"));
        assertEquals(Duration.ofSeconds(1), clock().minus(pressed[0]));
    }

    private Duration clock() {
        return Duration.ofNanos(shell.shell().timer().nanos());
    }

    @ParameterizedTest
    @CsvSource({"completed, 0", "partial, 1", "failed, 1", "cancelled, 130"})
    void shouldEndWithTheStatusOfTheRun(String status, int exitStatus) {
        coordinator.on("POST /runs", run("running", WAITING)).on("GET /runs/r1", run(status, DONE));
        assertEquals(exitStatus, shell.execute("run"));
    }

    @Test
    void shouldSayWhyARunFailedAsAWhole() {
        RunView failed = run("failed", DONE);
        coordinator.on(
                "POST /runs",
                new RunView(
                        failed.id(),
                        failed.status(),
                        failed.submittedAt(),
                        failed.configuration(),
                        failed.measurements(),
                        failed.reportDir(),
                        "the disk is full"));
        assertEquals(1, shell.execute("run"));
        assertEquals(List.of("lockstep: run r1 failed: the disk is full"), shell.err());
    }

    @Test
    void shouldPrintTheIdAloneWhenDetached() {
        coordinator.on("POST /runs", run("running", WAITING));
        assertEquals(0, shell.execute("run", "--detach"));
        assertEquals(List.of("r1"), shell.out());
    }

    @Test
    void shouldCancelAtControlC() {
        coordinator.on("POST /runs", () -> {
            shell.pressControlC();
            return new FakeCoordinator.Answer(201, run("running", WAITING));
        });
        coordinator.on("POST /runs/r1/cancel", run("running", WAITING));
        coordinator.onSequence("GET /runs/r1", List.of(run("running", WAITING), run("cancelled", DONE)));
        assertEquals(130, shell.execute("run"));
        assertEquals(
                List.of("POST /runs", "POST /runs/r1/cancel", "GET /runs/r1", "GET /runs/r1"), coordinator.requests());
        assertTrue(shell.out().contains("cancelling, waiting for the report (Ctrl-C again leaves at once)"));
        assertTrue(shell.out().contains(SmallReport.LINE));
        assertFalse(shell.left());
    }

    @Test
    void shouldLeaveAtTheSecondControlC() {
        coordinator.on("POST /runs", () -> {
            shell.pressControlC();
            shell.pressControlC();
            return new FakeCoordinator.Answer(201, run("cancelled", DONE));
        });
        shell.execute("run");
        assertTrue(shell.left());
    }

    @Test
    void shouldOnlyDetachAtControlCWhenAttached() {
        FakeCoordinator.Answer running = new FakeCoordinator.Answer(200, run("running", WAITING));
        int[] asked = {0};
        coordinator.on("GET /runs/r1", () -> {
            if (++asked[0] == 3) {
                shell.pressControlC();
            }
            return running;
        });
        assertEquals(130, shell.execute("attach", "r1"));
        assertEquals(
                List.of("lockstep: detached from run r1, which goes on: see it with lockstep attach r1"), shell.err());
        assertEquals(List.of("GET /runs/r1", "GET /runs/r1", "GET /runs/r1"), coordinator.requests());
    }

    @Test
    void shouldQuoteTheLogWhenTheCoordinatorGoesAway() throws IOException {
        Path log = folder.resolve("run/logs/coordinator.log");
        Files.createDirectories(log.getParent());
        Files.writeString(log, "started\nthe roof is on fire\n\n");
        coordinator.on("POST /runs", run("running", WAITING));
        coordinator.on("GET /runs/r1", () -> {
            coordinator.close();
            throw new IllegalStateException("no answer");
        });
        assertEquals(4, shell.execute("run"));
        assertEquals(
                List.of("lockstep: the coordinator went away during run r1: see " + log
                        + ", which ends with: the roof is on fire"),
                shell.err());
    }

    @Test
    void shouldNotCallARunDoneWhoseReportIsMissing() throws IOException {
        Files.delete(reportDir().resolve("report.json"));
        coordinator.on("POST /runs", run("completed", DONE));
        assertEquals(1, shell.execute("run"));
        assertEquals(1, shell.err().size());
        assertTrue(
                shell.err().get(0).contains(reportDir().resolve("report.json").toString()), shell.err()::toString);
    }

    @Test
    void shouldNotExpectAReportOfARunThatNeverBegan() throws IOException {
        Files.delete(reportDir().resolve("report.json"));
        coordinator.on("POST /runs", run("queued", WAITING)).on("GET /runs/r1", run("cancelled", WAITING));
        assertEquals(130, shell.execute("run"));
        assertTrue(shell.out().contains("run r1 is cancelled and has no report"), shell.out()::toString);
        assertEquals(List.of(), shell.err());
    }

    private Path reportDir() {
        return folder.resolve("reports/r1");
    }

    private RunView run(String status, List<MeasurementView> measurements) {
        return new RunView(
                "r1",
                status,
                Instant.EPOCH,
                List.of("devices: 1, 2"),
                measurements,
                reportDir().toString(),
                null);
    }

    private String sortedBody() {
        try {
            return Json.MAPPER
                    .writer()
                    .with(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
                    .writeValueAsString(Json.MAPPER.readValue(coordinator.body(), Map.class));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static MeasurementView one(String state, long steps, Double imagesPerSecond) {
        return new MeasurementView("m1", "1 device", state, steps, 12, imagesPerSecond, null);
    }

    private static MeasurementView two(String state, long steps, Double imagesPerSecond) {
        return new MeasurementView("m2", "2 devices", state, steps, 12, imagesPerSecond, null);
    }

    private static MeasurementView failedTwo() {
        return new MeasurementView(
                "m2", "2 devices", "failed", 3, 12, null, "cpu:1 was killed; its last lines:\none\ntwo");
    }
}

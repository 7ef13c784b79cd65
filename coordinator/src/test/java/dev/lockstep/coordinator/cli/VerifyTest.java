package dev.lockstep.coordinator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.coordinator.api.DeviceView;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.api.RunView.MeasurementView;
import dev.lockstep.coordinator.cli.FakeTraces.Content;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VerifyTest {
    @TempDir
    Path folder;

    private FakeShell shell;
    private FakeCoordinator coordinator;

    @BeforeEach
    void start() throws IOException {
        shell = new FakeShell(folder);
        coordinator = FakeCoordinator.in(folder.resolve("run"));
        coordinator.on("GET /devices", devices(2));
    }

    @AfterEach
    void stop() throws IOException {
        coordinator.close();
        try (Stream<Path> left = Files.list(folder.resolve("run"))) {
            assertEquals(
                    List.of("endpoint.json"),
                    left.map(file -> file.getFileName().toString()).toList());
        }
    }

    private static List<DeviceView> devices(int count) {
        return IntStream.range(0, count)
                .mapToObj(index ->
                        new DeviceView("cpu:" + index, "a processor", "ready", null, null, 1L, null, null, null))
                .toList();
    }

    private static Content honest(Map<String, String> settings) {
        float rounding = settings.get("strategy").equals("all-reduce") ? 1.0001f : 1;
        return settings.get("precision").equals("amp") ? new Content(1.01f, 0.99f, 0.98f) : new Content(1, 1, rounding);
    }

    @Test
    void shouldPrintHowFarTracesAreApart() {
        FakeTraces.answer(coordinator, VerifyTest::honest);
        assertEquals(0, shell.execute("verify"), shell.err()::toString);
        assertEquals(
                List.of(
                        "trace 1 of 6: data-parallel, fp32, 1 device, 4 images",
                        "trace 2 of 6: data-parallel, fp32, 2 devices, 8 images",
                        "trace 3 of 6: data-parallel, fp32, 2 devices, 7 images",
                        "trace 4 of 6: all-reduce, fp32, 2 devices, 7 images",
                        "trace 5 of 6: data-parallel, amp, 1 device, 4 images",
                        "trace 6 of 6: data-parallel, fp32, 2 devices, 7 images, again"),
                shell.out().subList(1, 7));
        List<String> rows = shell.out().stream()
                .filter(line -> line.endsWith(" holds"))
                .map(line -> line.replaceAll(" {2,}", "|"))
                .toList();
        assertEquals(5 + 5 + 3 + 5, rows.size(), rows::toString);
        assertTrue(rows.contains("1 device against 2|logits|error 0|at most 1.0e-03|holds"), rows::toString);
        assertTrue(
                rows.contains("data-parallel against all-reduce|grad|error 1.0e-04|at most 5.0e-02|holds"),
                rows::toString);
        assertTrue(rows.contains("fp32 against amp|grad|cosine 1.0000|at least 0.60|holds"), rows::toString);
        assertTrue(rows.contains("the same run twice|param|identical|identical|holds"), rows::toString);
        assertEquals(
                "verified: 1 device against 2, data-parallel against all-reduce, fp32 against amp, the same run twice",
                shell.out().get(shell.out().size() - 1));
    }

    @Test
    void shouldNameTheTensorBeyondItsBound() {
        FakeTraces.answer(
                coordinator,
                settings -> settings.get("strategy").equals("all-reduce") ? new Content(1, 1, 0.5f) : honest(settings));
        assertEquals(1, shell.execute("verify"));
        assertEquals(
                List.of(
                        "lockstep: not verified: data-parallel against all-reduce: error 5.0e-01 of grad, worst grad/head,"
                                + " must be at most 5.0e-02"),
                shell.err());
    }

    @Test
    void shouldNoticeAPrecisionThatWasNotUsed() {
        FakeTraces.answer(coordinator, settings -> new Content(1, 1, 1));
        assertEquals(1, shell.execute("verify"));
        assertEquals(
                List.of(
                        "lockstep: not verified: fp32 against amp: error 0 of logits, worst logits, must be at least 1.0e-04"),
                shell.err());
    }

    @Test
    void shouldNoticeARunThatDoesNotRepeatItself() {
        int[] runs = {0};
        FakeTraces.answer(coordinator, settings -> {
            Content content = honest(settings);
            return ++runs[0] == 6 ? new Content(content.loss(), Math.nextUp(content.logit()), 1) : content;
        });
        assertEquals(1, shell.execute("verify"));
        assertTrue(shell.err().get(0).contains("the same run twice: error"), shell.err()::toString);
    }

    @Test
    void shouldDoOnOneDeviceWhatOneDeviceCan() {
        coordinator.on("GET /devices", devices(1));
        FakeTraces.answer(coordinator, VerifyTest::honest);
        assertEquals(0, shell.execute("verify"), shell.err()::toString);
        assertEquals(
                "verified: fp32 against amp, the same run twice",
                shell.out().get(shell.out().size() - 1));
    }

    @Test
    void shouldSayWhichTraceCouldNotBeTaken() {
        List<MeasurementView> failed =
                List.of(new MeasurementView("m", "one", "failed", 0, 1, null, "cpu:0 was killed"));
        coordinator.on("POST /runs", new RunView("r1", "failed", Instant.EPOCH, List.of(), failed, "/there", null));
        assertEquals(1, shell.execute("verify"));
        assertEquals(
                List.of("lockstep: the trace data-parallel, fp32, 1 device, 4 images: run r1 failed: failed: cpu:0 was"
                        + " killed"),
                shell.err());
    }

    @Test
    void shouldEndWithTheCoordinatorsRefusal() {
        coordinator.refuse("POST /runs", 400, FailureCategory.USAGE, "unknown model 'resnet'");
        assertEquals(2, shell.execute("verify", "--model", "resnet"));
        assertEquals(List.of("lockstep: unknown model 'resnet'"), shell.err());
    }

    @Test
    void shouldRefuseWhatItCannotDo() {
        assertEquals(3, shell.execute("verify", "--devices", "3"));
        assertEquals(2, shell.execute("verify", "--devices", "0"));
        assertEquals(2, shell.execute("verify", "--precision", "fp8"));
        assertEquals(3, shell.err().size());
    }
}

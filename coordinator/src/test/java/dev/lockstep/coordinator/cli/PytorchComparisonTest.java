package dev.lockstep.coordinator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Scaling;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Peer;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.common.report.RunStatus;
import dev.lockstep.coordinator.api.ClusterView;
import dev.lockstep.coordinator.api.DeviceView;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.peers.FakePython;
import dev.lockstep.coordinator.report.ReportReader;
import dev.lockstep.coordinator.report.ReportWriter;
import dev.lockstep.coordinator.report.RunReports;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole command, with a cluster and a PyTorch that are made up. */
class PytorchComparisonTest {
    private static final MeasurementSpec SPEC =
            MeasurementSpec.of(Strategy.DATA_PARALLEL, Precision.FP32, 1, 4, 1, 2, Scaling.WEAK, 1);
    /** What both find in the step that shows whether they compute the same. */
    private static final float LOSS = 2;

    @TempDir
    Path folder;

    private FakeShell shell;
    private FakeCoordinator coordinator;

    @BeforeEach
    void start() throws IOException {
        shell = new FakeShell(folder);
        DeviceView device = new DeviceView("cpu:0", "a CPU", "ready", "0", null, 1L, null, null, null);
        coordinator = FakeCoordinator.in(folder.resolve("run"))
                .on("GET /status", new ClusterView("0.1", Instant.EPOCH, "run", List.of(device), null, List.of()))
                .on("GET /devices", List.of(device));
        coordinator.on("POST /runs", () -> {
            List<String> bodies = coordinator.bodies();
            Map<String, String> settings =
                    FakeTraces.read(bodies.get(bodies.size() - 1)).settings();
            if (settings.containsKey("trace")) {
                // The norm of three such gradients is 5, as FakePython's.
                FakeTraces.write(settings, new FakeTraces.Content(LOSS, 0, (float) (5 / Math.sqrt(3))));
            } else {
                new ReportWriter(Path.of(settings.get("output"))).write(RunReports.ok(SPEC, 100, 100));
            }
            return new FakeCoordinator.Answer(
                    201,
                    new RunView("r" + bodies.size(), "completed", Instant.EPOCH, List.of(), List.of(), "/there", null));
        });
    }

    @AfterEach
    void stop() {
        coordinator.close();
    }

    @Test
    void shouldEndWithSuccessWhereEveryRoundHasFigures() throws IOException {
        assertEquals(0, compare("true"), this::printed);
        Report report = ReportReader.read(folder.resolve("out"));
        assertEquals(RunStatus.COMPLETED, report.run().status());
        Peer peer = report.peers().get(0);
        assertEquals(3, peer.rounds());
        assertEquals(List.of(2.0, 2.0, 2.0), peer.ratio().byRound());
        assertNull(peer.error());
    }

    @Test
    void shouldReportTheRoundsBeforeAPeerFailedAndEndWithFailure() throws IOException {
        assertEquals(
                1, compare("case \"$3\" in */3-*) echo 'RuntimeError: out of luck' >&2; exit 1;; esac"), this::printed);
        Report report = ReportReader.read(folder.resolve("out"));
        assertEquals(RunStatus.PARTIAL, report.run().status());
        Peer peer = report.peers().get(0);
        assertEquals(ResultStatus.FAILED, peer.status());
        assertEquals(2, peer.rounds());
        assertEquals(List.of(200.0, 200.0, 200.0, 200.0), peer.samplesMillis());
        assertEquals(20.0, peer.imagesPerSecond());
        assertEquals(List.of(2.0, 2.0), peer.ratio().byRound());
        assertTrue(
                peer.error()
                        .message()
                        .startsWith(
                                "in round 3 (its figures are of the rounds before): 3-torch-single-fp32-1x4 ended with exit status 1: RuntimeError: out of luck; see "),
                peer.error()::message);
        assertTrue(printed().contains("torch-single-fp32-1x4, failed in round 3"), this::printed);
        assertTrue(printed().contains("RuntimeError: out of luck"), this::printed);
    }

    /** Three rounds of one device. */
    private int compare(String beforeMeasuring) throws IOException {
        Path python = FakePython.in(
                folder,
                "echo '" + FakePython.PROBED + "'",
                beforeMeasuring + "\necho '"
                        + FakePython.measured(RunReports.PARAMETERS, "200.0, 200.0", String.valueOf(LOSS)) + "'");
        return shell.execute(
                "compare-pytorch",
                "--python",
                python.toString(),
                "--model",
                "efficientnet_b3",
                "--devices",
                "1",
                "--batch-per-device",
                "4",
                "--precision",
                "fp32",
                "--steps",
                "2",
                "--warmup",
                "1",
                "--output",
                folder.resolve("out").toString());
    }

    private String printed() {
        return String.join("\n", shell.out()) + "\n" + String.join("\n", shell.err());
    }
}

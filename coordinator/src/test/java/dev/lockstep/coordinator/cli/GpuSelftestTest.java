package dev.lockstep.coordinator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.Labelled;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Result;
import dev.lockstep.coordinator.api.DeviceView;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.cli.FakeTraces.Content;
import dev.lockstep.coordinator.gpu.Gpu;
import dev.lockstep.coordinator.gpu.GpuDriver;
import dev.lockstep.coordinator.selftest.Check;
import dev.lockstep.coordinator.selftest.GpuResults;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GpuSelftestTest {
    private static final Gpu GPU = new Gpu(3, "GPU-0", "a GPU", 80_000, 9, 0, "0000:01:00.0");

    @TempDir
    Path folder;

    private FakeShell shell;
    private FakeCoordinator coordinator;
    private SelftestRunner runner;

    @BeforeEach
    void start() throws IOException {
        shell = new FakeShell(folder);
        coordinator = FakeCoordinator.in(folder.resolve("run"));
        coordinator.on("POST /runs", () -> answer("staged", 100));
        runner = new SelftestRunner(shell.shell(), new SelftestGpus(List.of(GPU)), true);
    }

    @AfterEach
    void stop() {
        coordinator.close();
    }

    /** A run of a cluster that works. */
    private FakeCoordinator.Answer answer(String collective, double ampMillis) {
        List<String> bodies = coordinator.bodies();
        Map<String, String> settings =
                FakeTraces.read(bodies.get(bodies.size() - 1)).settings();
        Path reportDir = folder.resolve("report-" + bodies.size());
        if (settings.containsKey("trace")) {
            boolean strict = settings.get("precision").equals("fp32-strict");
            FakeTraces.write(settings, strict ? new Content(1, 1, 1) : new Content(1.01f, 0.99f, 0.98f));
        } else {
            SmallReport.writeTo(reportDir, "12.4", results(settings, collective, ampMillis));
        }
        return new FakeCoordinator.Answer(201, run("r" + bodies.size(), "completed", reportDir));
    }

    private static RunView run(String id, String status, Path reportDir) {
        return new RunView(id, status, Instant.EPOCH, List.of(), List.of(), reportDir.toString(), null);
    }

    private static List<Result> results(Map<String, String> settings, String collective, double ampMillis) {
        List<Result> results = new ArrayList<>();
        int devices = Integer.parseInt(settings.get("devices"));
        for (String strategy :
                settings.getOrDefault("strategy", "data-parallel").split(",", -1)) {
            for (String precision : settings.get("precision").split(",", -1)) {
                for (String batch : settings.get("batch-per-device").split(",", -1)) {
                    results.add(GpuResults.good(
                            Labelled.find(Strategy.class, strategy).orElseThrow(),
                            Labelled.find(Precision.class, precision).orElseThrow(),
                            devices,
                            Integer.parseInt(batch),
                            precision.equals("amp") ? ampMillis : 200,
                            collective));
                }
            }
        }
        return results;
    }

    private CoordinatorClient client() {
        return CoordinatorClient.of(shell.shell().runDir());
    }

    private List<String> failed() {
        return runner.checks().stream()
                .filter(Check::isFailed)
                .map(check -> check.what() + " = " + check.found())
                .toList();
    }

    private List<String> rows(String verdict) {
        return shell.out().stream()
                .filter(line -> line.endsWith("  " + verdict))
                .map(line -> line.replaceAll(" {2,}", "|"))
                .toList();
    }

    @Test
    void shouldPrintATableOfWhatWorks() {
        runner.addStarted(
                "cuda:3*2", List.of(new DeviceView("cuda:3#0", "a GPU", "ready", null, null, 1L, null, null, "9.0")));
        runner.checkReplicas(client());
        assertEquals(ExitStatus.DONE, runner.conclude(), shell.err()::toString);
        List<String> rows = rows("ok");
        assertTrue(rows.contains("symbols, workers on cuda:3*2|cuda:3#0 ready|all found|ok"), rows::toString);
        assertTrue(rows.contains("engine|libtorch 2, CUDA 12.4, cuDNN 12.4|a CUDA build|ok"), rows::toString);
        assertTrue(rows.contains("fp32-strict, batch 8: TF32|off|off|ok"), rows::toString);
        assertTrue(
                rows.contains(
                        "amp, batch 128: GradScaler|scale 32768, 1 skipped|a scale of at least 1, at most 6 skipped|ok"),
                rows::toString);
        assertTrue(rows.contains("amp, batch 8, 2 replicas, all-reduce: collective|staged|staged|ok"), rows::toString);
        assertTrue(rows.contains("fp32-strict, 1 device against 2: grad|error 0|at most 5.0e-02|ok"), rows::toString);
        assertEquals(List.of("amp over fp32, batch 128|2.00 times|at least 1.5 times|met"), rows("met"));
        assertEquals(
                1,
                coordinator.bodies().stream()
                        .filter(body ->
                                "false".equals(FakeTraces.read(body).settings().get("cuda-graphs")))
                        .count());
        assertEquals(List.of(), shell.err());
    }

    @Test
    void shouldNotFailForAMissedGoal() {
        coordinator.on("POST /runs", () -> answer("staged", 190));
        runner.checkReplicas(client());
        assertEquals(ExitStatus.DONE, runner.conclude(), shell.err()::toString);
        assertEquals(List.of("amp over fp32, batch 128|1.05 times|at least 1.5 times|missed"), rows("missed"));
    }

    @Test
    void shouldFailForAnotherCollectiveAndGoOn() {
        coordinator.on("POST /runs", () -> answer("shared-memory", 100));
        runner.checkReplicas(client());
        assertEquals(ExitStatus.FAILED, runner.conclude());
        assertEquals(4, rows("FAILED").size(), shell.out()::toString);
        assertTrue(
                rows("FAILED")
                        .contains("fp32, batch 8, 2 replicas, data-parallel: collective|shared-memory|staged|FAILED"),
                shell.out()::toString);
        assertTrue(rows("ok").stream().anyMatch(row -> row.startsWith("the same run twice")), shell.out()::toString);
    }

    @Test
    void shouldGoOnAfterWhatCannotBeDone() {
        coordinator.refuse("POST /runs", 500, FailureCategory.INTERNAL, "the cluster is ill");
        runner.checkReplicas(client());
        assertEquals(
                List.of(
                        "TF32 off, bfloat16 = the cluster is ill",
                        "steps of fp32 and amp, batch 32 and 128 = the cluster is ill",
                        "two replicas = the cluster is ill",
                        "traces = the cluster is ill"),
                failed());
        assertEquals(ExitStatus.FAILED, runner.conclude());
    }

    @Test
    void shouldFailWhereNothingWasChecked() {
        assertEquals(ExitStatus.FAILED, runner.conclude());
    }

    @Test
    void shouldEndAtControlC() {
        coordinator.on("POST /runs", run("r1", "cancelled", folder.resolve("none")));
        CommandException end = assertThrows(CommandException.class, () -> runner.checkReplicas(client()));
        assertEquals(ExitStatus.CANCELLED, end.status());
        assertEquals(1, coordinator.bodies().size());
    }

    @Test
    void shouldTakeNcclWhereThereAreSeveralGpus() {
        SelftestGpus one = new SelftestGpus(List.of(GPU));
        assertEquals(
                List.of("cuda:3*2", "staged", "nccl", "1"),
                List.of(
                        one.severalReplicas(),
                        one.collective(),
                        one.otherCollective(),
                        String.valueOf(one.replicasOfOtherCollective())));
        SelftestGpus two = new SelftestGpus(List.of(GPU, new Gpu(4, "GPU-1", "old", 8_000, 7, 5, "0000:02:00.0")));
        assertEquals(
                List.of("cuda:all", "nccl", "staged", "2"),
                List.of(
                        two.severalReplicas(),
                        two.collective(),
                        two.otherCollective(),
                        String.valueOf(two.replicasOfOtherCollective())));
        assertTrue(one.haveTf32());
        assertFalse(two.haveTf32());
    }

    @Test
    void shouldSayThatThereIsNoGpu() {
        GpuDriver none = new GpuDriver.Absent("its library is not there");
        CommandException end = assertThrows(CommandException.class, () -> SelftestGpus.find(none, null));
        assertEquals(ExitStatus.ENVIRONMENT, end.status());
        assertEquals(
                "there is no GPU to test: its library is not there: run this on a machine with an NVIDIA GPU and its"
                        + " driver, 525 or newer",
                end.getMessage());
    }
}

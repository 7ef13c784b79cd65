package dev.lockstep.coordinator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.work.BareOrder;
import dev.lockstep.coordinator.api.ClusterView;
import dev.lockstep.coordinator.overhead.Contender;
import dev.lockstep.coordinator.settings.RunSetting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OverheadTest {
    @TempDir
    Path folder;

    private void assertRefused(int status, String message, String... arguments) {
        FakeShell shell = new FakeShell(folder);
        assertEquals(status, shell.execute(arguments), shell.err()::toString);
        assertEquals(List.of("lockstep: " + message), shell.err());
        assertFalse(Files.exists(folder.resolve("run/overhead")));
    }

    @Test
    void shouldRefuseWhatItCannotMeasure() {
        assertRefused(2, "--rounds is 0: it must be at least 1", "overhead", "--rounds", "0");
        assertRefused(2, "--turn is 0: it must be at least 1", "overhead", "--turn", "0");
        assertRefused(
                2,
                "--turn is 21: it must be at most 20, or a cluster that stands still falls apart",
                "overhead",
                "--turn",
                "21");
        assertRefused(2, "--empty-steps is 0: it must be at least 1", "overhead", "--empty-steps", "0");
        assertRefused(2, "--empty-workers is 0: it must be at least 1", "overhead", "--empty-workers", "2,0");
        assertRefused(2, "--empty-workers names something twice", "overhead", "--empty-workers", "2,2");
        assertRefused(2, "--devices names something twice", "overhead", "--devices", "2,2");
        assertRefused(
                2,
                "--precision takes one value here: compare one after the other",
                "overhead",
                "--precision",
                "fp32,amp");
        assertRefused(
                2,
                "--precision amp-fp16 scales its loss, which the bare loop does not: take fp32, amp or amp-bf16",
                "overhead",
                "--precision",
                "amp-fp16");
        assertRefused(
                2, "unknown strategy 'ring': it is one of data-parallel, all-reduce", "overhead", "--strategy", "ring");
    }

    private static ClusterView cluster(Path runDir, String currentRun) {
        return new ClusterView("0", Instant.EPOCH, runDir.toString(), List.of(), currentRun, List.of());
    }

    @Test
    void shouldNotDisturbARunThatIsUnderWay() throws IOException {
        Path runDir = folder.resolve("run");
        try (FakeCoordinator coordinator = FakeCoordinator.in(runDir)) {
            coordinator.on("GET /status", cluster(runDir, "r7"));
            assertRefused(
                    3,
                    "run r7 is under way in " + runDir
                            + " and would be disturbed: wait for it, or end it with lockstep cancel r7",
                    "overhead");
        }
    }

    @Test
    void shouldNotMeasureBesideAnother() throws IOException {
        Path own = folder.resolve("run/overhead");
        FakeShell shell = new FakeShell(folder);
        try (FakeCoordinator coordinator = FakeCoordinator.in(own)) {
            coordinator.on("GET /status", cluster(own, null));
            assertEquals(3, shell.execute("overhead"));
        }
        assertEquals(
                List.of("lockstep: another lockstep overhead is at work, or one was killed: wait for it, or end its"
                        + " cluster with LOCKSTEP_RUN_DIR=" + own + " deploy/bin/stop-cluster"),
                shell.err());
    }

    @Test
    void shouldHaveBareLoopsAndLockstepTrainTheSame() {
        OverheadOrder order = OverheadOrder.of(
                Map.of(
                        RunSetting.MODEL, "tiny",
                        RunSetting.PRECISION, "amp",
                        RunSetting.BATCH_PER_DEVICE, "7",
                        RunSetting.MEMORY_FORMAT, "contiguous",
                        RunSetting.LEARNING_RATE, "0.5",
                        RunSetting.SEED, "9"),
                false,
                null,
                null,
                null,
                null);

        BareOrder bare = order.bareOrder();
        assertEquals("tiny", bare.training().model().name());
        assertEquals(Precision.AMP, bare.training().precision());
        assertEquals(MemoryFormat.CONTIGUOUS, bare.training().memoryFormat());
        assertEquals(0.5, bare.training().optimizer().learningRate());
        assertEquals(9, bare.training().seed());
        assertEquals(7, bare.batch());
        assertEquals(32, bare.steps());
        assertEquals(24, bare.warmupSteps());
        Map<String, String> run = order.run(new Contender(2, Strategy.ALL_REDUCE));
        assertEquals(
                Map.of(
                        "model", "tiny",
                        "precision", "amp",
                        "batch-per-device", "7",
                        "memory-format", "contiguous",
                        "learning-rate", "0.5",
                        "seed", "9",
                        "steps", "32",
                        "warmup", "24",
                        "devices", "2",
                        "strategy", "all-reduce"),
                run);
    }

    @Test
    void shouldWarmNewProcessesOfBothSidesWithTheSmallModel() {
        OverheadOrder order = OverheadOrder.of(Map.of(RunSetting.OPTIMIZER, "adamw"), false, null, null, null, null);

        Map<String, String> run = order.processWarmupRun();
        assertEquals("tiny", run.get("model"));
        assertEquals("1,2", run.get("devices"));
        assertEquals("data-parallel,all-reduce", run.get("strategy"));
        assertEquals("3000", run.get("warmup"));
        BareOrder bare = order.bareProcessWarmup();
        assertEquals("tiny", bare.training().model().name());
        assertEquals(OptimizerKind.ADAMW, bare.training().optimizer().kind());
        assertEquals(1, bare.batch());
        assertEquals(3 * 3000, bare.warmupSteps(), "one device, and two by either strategy");
        assertEquals(1, bare.steps());
    }

    @Test
    void shouldHaveDefaultsAndQuickOnes() {
        OverheadOrder whole = OverheadOrder.of(Map.of(), false, null, null, null, null);
        assertEquals(List.of(1, 2), whole.plan().devices());
        assertEquals(List.of(Strategy.values()), whole.plan().strategies());
        assertEquals(List.of(Precision.FP32), whole.plan().precisions());
        assertEquals("efficientnet_b3", whole.plan().model().name());
        assertEquals(List.of(16), whole.plan().batchPerDevice());
        assertEquals(3, whole.rounds());
        assertEquals(Duration.ofSeconds(4), whole.turn());
        assertEquals(List.of(1, 2, 4, 8), whole.emptyWorkers());
        assertEquals(List.of(1, 2), whole.emptyWorkersUpTo(2));
        assertEquals("1,2,4,8", whole.emptyRun(whole.emptyWorkers()).get("devices"));

        OverheadOrder quick = OverheadOrder.of(Map.of(RunSetting.STEPS, "5"), true, null, null, null, null);
        assertEquals(5, quick.plan().steps());
        assertEquals(1, quick.plan().warmup());
        assertEquals(List.of(4), quick.plan().batchPerDevice());
        assertEquals(2, quick.rounds());
        assertTrue(quick.emptySteps() < whole.emptySteps());
    }
}

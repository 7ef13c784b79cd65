package dev.lockstep.worker.step;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.memory.SegmentLayout;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.work.CollectiveKind;
import dev.lockstep.common.work.EngineInfo;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.Reduction;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.worker.kernel.Kernels;
import dev.lockstep.worker.libtorch.HostAllocator;
import dev.lockstep.worker.libtorch.LibTorch;
import java.time.Duration;
import java.util.List;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class DjlTrainingEngineTest {
    private static final String RUN = "run";
    private static final long EPOCH = 4;
    private static final int BATCH = 2;

    private final DjlTrainingEngine engine = new DjlTrainingEngine(1, List.of(), Duration.ofSeconds(10));
    private EngineInfo info;

    @BeforeEach
    void start() {
        info = engine.start();
    }

    @AfterEach
    void release() {
        engine.release();
    }

    @Test
    void shouldTellItsVersions() {
        assertEquals(
                new EngineInfo("0.32.0", "2.5.1", null, null, 1, HostAllocator.describe(), Kernels.describe()), info);
    }

    @Test
    void shouldProbeWhatAModelNeeds() {
        int handles = engine.openHandles();

        ModelFootprint footprint = engine.probe(TinyTraining.noisy(0));

        ModelFootprint sizes = engine.describe(TinyTraining.noisy(0).model());
        assertEquals(sizes.parameters(), footprint.parameters());
        assertEquals(sizes.flatParameters(), footprint.flatParameters());
        assertEquals(sizes.flatBuffers(), footprint.flatBuffers());
        assertTrue(footprint.flatParameters() > footprint.parameters());
        assertEquals(0, footprint.flatParameters() % 16);
        assertEquals(handles, engine.openHandles());
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void shouldFindMoreMemoryForMoreImages() {
        // One image of tiny is lost in the noise; at 160 pixels it is not.
        ModelSpec larger = new ModelSpec("tiny", 5, 160, null, null);
        TrainingSpec quiet = TinyTraining.quiet(0);

        ModelFootprint footprint =
                engine.probe(new TrainingSpec(larger, quiet.precision(), quiet.optimizer(), quiet.memoryFormat(), 0));

        assertTrue(footprint.fixedMiB() > 50 && footprint.fixedMiB() < 4000, footprint.toString());
        assertTrue(footprint.perImageMiB() > 1 && footprint.perImageMiB() < 50, footprint.toString());
    }

    @Test
    void shouldPrepareStepSummariseAndLetGo() throws Exception {
        int handles = engine.openHandles();
        TrainingSpec training = TinyTraining.quiet(0);
        SegmentLayout layout = layout(training);
        try (Segment segment = Segment.create(layout, RUN, EPOCH)) {
            engine.prepare(spec(segment, training, RUN, Strategy.DATA_PARALLEL));
            StepReport report = engine.runStep(new StepCommand(0, 0, List.of(BATCH), Reduction.SUM_TO_FIRST));
            ReplicaSummary summary = engine.summarise();
            engine.release();
            engine.release();

            CRC32C checksum = new CRC32C();
            checksum.update(segment.parameters());
            assertEquals("%08x".formatted(checksum.getValue()), summary.parameterChecksum());
            assertTrue(Double.isFinite(report.loss()));
            assertEquals(handles, engine.openHandles());

            // The next measurement's replica starts afresh.
            engine.prepare(spec(segment, training, RUN, Strategy.DATA_PARALLEL));
            StepReport again = engine.runStep(new StepCommand(0, 0, List.of(BATCH), Reduction.SUM_TO_FIRST));
            assertEquals(report.loss(), again.loss());
            assertEquals(summary.parameterChecksum(), engine.summarise().parameterChecksum());
        }
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void shouldTellThePeakOfItsMeasurement() throws Exception {
        TrainingSpec training = TinyTraining.quiet(0);
        try (Segment segment = Segment.create(layout(training), RUN, EPOCH)) {
            engine.prepare(spec(segment, training, RUN, Strategy.DATA_PARALLEL));
            engine.runStep(new StepCommand(0, 0, List.of(BATCH), Reduction.SUM_TO_FIRST));

            ReplicaSummary summary = engine.summarise();

            assertEquals("peak-resident", summary.memoryKind());
            assertTrue(summary.peakMemoryMiB() > 50 && summary.peakMemoryMiB() < 8000, summary.toString());
        }
    }

    @Test
    void shouldRefuseAnotherRunsSegment() throws Exception {
        TrainingSpec training = TinyTraining.quiet(0);
        try (Segment segment = Segment.create(layout(training), RUN, EPOCH)) {
            LockstepException e = assertThrows(
                    LockstepException.class,
                    () -> engine.prepare(spec(segment, training, "another", Strategy.DATA_PARALLEL)));

            assertEquals(FailureCategory.ENVIRONMENT, e.failure().category());
        }
    }

    @Test
    void shouldRefuseByNameWhatIsNotThereYet() {
        TrainingSpec quiet = TinyTraining.quiet(0);
        checkRefused(
                "resnet50",
                () -> engine.probe(new TrainingSpec(
                        new ModelSpec("resnet50", 5, 32, null, null),
                        Precision.FP32,
                        quiet.optimizer(),
                        MemoryFormat.CONTIGUOUS,
                        0)));
    }

    private static void checkRefused(String name, Runnable action) {
        LockstepException e = assertThrows(LockstepException.class, action::run);
        assertEquals(FailureCategory.USAGE, e.failure().category());
        assertTrue(e.getMessage().contains("'" + name + "'"), e.getMessage());
    }

    @Test
    void shouldSayWhatFailedInLibtorch() throws Exception {
        TrainingSpec training = TinyTraining.quiet(0);
        try (Segment segment = Segment.create(layout(training), RUN, EPOCH)) {
            segment.labels(0, 0, BATCH).putLong(0, 1_000_000);
            engine.prepare(spec(segment, training, RUN, Strategy.DATA_PARALLEL));

            LockstepException e = assertThrows(
                    LockstepException.class,
                    () -> engine.runStep(new StepCommand(3, 0, List.of(BATCH), Reduction.SUM_TO_FIRST)));

            assertEquals(FailureCategory.INTERNAL, e.failure().category());
            assertTrue(e.getMessage().startsWith("step 3 failed"), e.getMessage());
            assertEquals(1, e.getMessage().lines().count());
        }
    }

    @Test
    void shouldTellWhenMemoryRanOut() {
        try (NDManager manager = LibTorch.load().newBaseManager()) {
            EngineException cause = assertThrows(EngineException.class, () -> manager.zeros(new Shape(1L << 44)));

            LockstepException e = new CpuDevice().failure("step 2", 0, cause);

            assertEquals(FailureCategory.OUT_OF_MEMORY, e.failure().category());
            assertTrue(e.getMessage().startsWith("step 2 ran out of memory"), e.getMessage());
            assertEquals(1, e.getMessage().lines().count());
        }
    }

    private SegmentLayout layout(TrainingSpec training) {
        ModelFootprint sizes = engine.describe(training.model());
        return new SegmentLayout(
                1,
                BATCH,
                training.model().sampleFloats(),
                training.model().classes(),
                sizes.flatParameters(),
                sizes.flatBuffers());
    }

    private static ReplicaSpec spec(Segment segment, TrainingSpec training, String run, Strategy strategy) {
        return new ReplicaSpec(
                run,
                EPOCH,
                0,
                1,
                strategy,
                training,
                StateFiles.NONE,
                segment.path().toString(),
                segment.layout(),
                CollectiveKind.SHARED_MEMORY,
                null);
    }
}

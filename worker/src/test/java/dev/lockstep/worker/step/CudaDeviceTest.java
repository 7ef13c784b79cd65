package dev.lockstep.worker.step;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.EngineException;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.tensor.Safetensors;
import dev.lockstep.common.work.ComputeCapability;
import dev.lockstep.common.work.EngineInfo;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.worker.cuda.FakeCudaRuntime;
import dev.lockstep.worker.libtorch.MathMode;
import dev.lockstep.worker.libtorch.MathMode.Switches;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** All that a GPU's replica does besides computing, over the engine's CPU tensors and a runtime that is made here. */
class CudaDeviceTest {
    private static final Duration PATIENCE = Duration.ofMinutes(1);
    private static final int BATCH = 5;
    private static final int STEPS = 3;
    private static final long SEED = 3;

    private final FakeCudaRuntime runtime = new FakeCudaRuntime();
    private final RepeatingRecorder recorder = new RepeatingRecorder();

    @TempDir
    Path folder;

    private DjlTrainingEngine gpuEngine() {
        return new DjlTrainingEngine(new CudaDevice(runtime.gpu(), recorder), 1, List.of(), PATIENCE);
    }

    private static DjlTrainingEngine cpuEngine() {
        return new DjlTrainingEngine(1, List.of(), PATIENCE);
    }

    private static ReplicaGroup group(
            Supplier<DjlTrainingEngine> engine, TrainingSpec training, Strategy strategy, StateFiles files)
            throws Exception {
        ReplicaGroup group = new ReplicaGroup(engine, training, strategy, files, 1, BATCH);
        group.fill(0, TinyTraining.images(BATCH), TinyTraining.labels(BATCH));
        return group;
    }

    /** Runs some steps and returns how the replica stands. */
    private static ReplicaSummary run(
            Supplier<DjlTrainingEngine> engine, TrainingSpec training, Strategy strategy, StateFiles files)
            throws Exception {
        try (ReplicaGroup group = group(engine, training, strategy, files)) {
            for (int step = 0; step < STEPS; step++) {
                group.step(List.of(BATCH));
            }
            return group.on(0, DjlTrainingEngine::summarise);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "DATA_PARALLEL,FP32",
        "DATA_PARALLEL,AMP_BF16",
        "DATA_PARALLEL,AMP_FP16",
        "ALL_REDUCE,FP32",
        "ALL_REDUCE,AMP_FP16"
    })
    void shouldTraceWhatTheCpuTraces(Strategy strategy, Precision precision) throws Exception {
        TrainingSpec training = TinyTraining.quiet(precision, SEED);
        Path cpu = folder.resolve("cpu.safetensors");
        Path gpu = folder.resolve("gpu.safetensors");

        ReplicaSummary onCpu =
                run(CudaDeviceTest::cpuEngine, training, strategy, new StateFiles(null, null, cpu.toString()));
        ReplicaSummary onGpu = run(this::gpuEngine, training, strategy, new StateFiles(null, null, gpu.toString()));

        assertEquals(onCpu.parameterChecksum(), onGpu.parameterChecksum());
        assertEquals(onCpu.amp(), onGpu.amp());
        assertSameTensors(cpu, gpu);
    }

    @ParameterizedTest
    @CsvSource({"DATA_PARALLEL,FP32", "DATA_PARALLEL,AMP_FP16", "ALL_REDUCE,AMP_BF16"})
    void shouldTraceTheSameWithRecordedSteps(Strategy strategy, Precision precision) throws Exception {
        TrainingSpec launched = TinyTraining.noisy(precision, SEED);
        Path launches = folder.resolve("launched.safetensors");
        Path replays = folder.resolve("replayed.safetensors");

        ReplicaSummary expected =
                run(this::gpuEngine, launched, strategy, new StateFiles(null, null, launches.toString()));
        assertEquals(0, recorder.replays());
        ReplicaSummary got = run(
                this::gpuEngine,
                TinyTraining.recorded(launched),
                strategy,
                new StateFiles(null, null, replays.toString()));

        // All steps but the first, forward and backward.
        assertEquals(2 * (STEPS - 1), recorder.replays());
        assertEquals(0, recorder.open());
        assertEquals(expected.parameterChecksum(), got.parameterChecksum());
        assertSameTensors(launches, replays);
    }

    private static void assertSameTensors(Path expected, Path got) {
        try (Safetensors first = Safetensors.read(expected);
                Safetensors second = Safetensors.read(got)) {
            assertEquals(first.names(), second.names());
            for (String name : first.names()) {
                assertEquals(first.data(name), second.data(name), name);
            }
        }
    }

    @Test
    void shouldContinueFromWhatTheCpuSaved() throws Exception {
        Path saved = folder.resolve("saved.safetensors");
        Path again = folder.resolve("again.safetensors");
        TrainingSpec training = TinyTraining.quiet(SEED);
        run(CudaDeviceTest::cpuEngine, training, Strategy.DATA_PARALLEL, new StateFiles(null, saved.toString(), null));

        StateFiles files = new StateFiles(saved.toString(), again.toString(), null);
        try (ReplicaGroup group = group(this::gpuEngine, TinyTraining.quiet(99), Strategy.DATA_PARALLEL, files)) {
            group.on(0, DjlTrainingEngine::summarise);
        }

        assertSameTensors(saved, again);
    }

    @Test
    void shouldTimeAStepByTheGpusClock() throws Exception {
        try (ReplicaGroup group =
                group(this::gpuEngine, TinyTraining.quiet(SEED), Strategy.DATA_PARALLEL, StateFiles.NONE)) {
            StepReport report = group.step(List.of(BATCH)).get(0);

            long event = 1_500_000;
            assertEquals(event, report.phases().forward());
            assertEquals(event, report.phases().backward());
            // Scatter, forward, gather, loss, backward, optimizer.
            assertEquals(6 * event, report.gpu().run());
            assertTrue(report.gpu().launch() > 0 && report.gpu().launch() < report.stepNanos(), report.toString());
        }
    }

    @Test
    void shouldTakeInputsFromLockedMemoryAndUnlockIt() throws Exception {
        long batchBytes = BATCH * (3L * 32 * 32 * Float.BYTES + Long.BYTES);
        try (ReplicaGroup group =
                group(this::gpuEngine, TinyTraining.quiet(SEED), Strategy.DATA_PARALLEL, StateFiles.NONE)) {
            group.step(List.of(BATCH));
            group.step(List.of(BATCH));
            assertEquals(2 * batchBytes, runtime.lockedBytesCopied);
            assertEquals(2, runtime.locked.size(), "images and labels, once each");
        }
        assertEquals(0, runtime.locked.size());
        assertEquals(0, runtime.events.size());
    }

    @Test
    void shouldHoldNoMoreTensorsAfterAStepThanBeforeIt() throws Exception {
        TrainingSpec training = TinyTraining.quiet(Precision.AMP_FP16, SEED);
        try (ReplicaGroup group = group(this::gpuEngine, training, Strategy.DATA_PARALLEL, StateFiles.NONE)) {
            group.step(List.of(BATCH));
            int handles = group.on(0, DjlTrainingEngine::openHandles);
            group.step(List.of(BATCH));
            assertEquals(handles, group.on(0, DjlTrainingEngine::openHandles));
        }
    }

    @Test
    void shouldReportTheGpusMemoryAndItsRuntime() throws Exception {
        EngineInfo info = gpuEngine().start();
        ReplicaSummary summary =
                run(this::gpuEngine, TinyTraining.quiet(SEED), Strategy.DATA_PARALLEL, StateFiles.NONE);

        assertEquals("12.4", info.cudaVersion());
        assertEquals("device-used", summary.memoryKind());
        assertEquals(2000, summary.peakMemoryMiB());
        assertEquals(2000, summary.deviceUsedMiB());
    }

    @ParameterizedTest
    @CsvSource({
        "FP32,9,true,true",
        "FP32,7,true,false",
        "FP32_STRICT,9,false,false",
        // Its convolutions are not in float32.
        "AMP_BF16,9,true,false"
    })
    void shouldAllowTf32AsPyTorchDoes(Precision precision, int major, boolean allowed, boolean reported)
            throws Exception {
        runtime.capability = new ComputeCapability(major, 0);
        Switches before = MathMode.read();
        try {
            ReplicaSummary summary =
                    run(this::gpuEngine, TinyTraining.quiet(precision, SEED), Strategy.DATA_PARALLEL, StateFiles.NONE);

            assertEquals(new Switches(allowed, false, true, 10), MathMode.read());
            assertEquals(reported, summary.tf32());
        } finally {
            MathMode.set(before);
        }
    }

    @Test
    void shouldTellMemoryThatRanOutFromADeviceThatFailed() {
        CudaDevice device = new CudaDevice(runtime.gpu(), recorder);

        assertEquals(
                FailureCategory.OUT_OF_MEMORY,
                device.failure("step 1", 8, new EngineException("CUDA out of memory. Tried to allocate 2.00 GiB."))
                        .failure()
                        .category());
        assertEquals(
                FailureCategory.DEVICE,
                device.failure("step 1", 8, new EngineException("CUDA error: unspecified launch failure"))
                        .failure()
                        .category());
        assertEquals(
                FailureCategory.INTERNAL,
                device.failure("step 1", 8, new EngineException("index 9 is out of bounds"))
                        .failure()
                        .category());
    }

    @Test
    void shouldPassOnAFailureThatComesToLightAtTheStepsEnd() throws Exception {
        try (ReplicaGroup group =
                group(this::gpuEngine, TinyTraining.quiet(SEED), Strategy.DATA_PARALLEL, StateFiles.NONE)) {
            runtime.failure = new LockstepException(FailureCategory.DEVICE, "cudaErrorIllegalAddress");

            LockstepException e = assertThrows(LockstepException.class, () -> group.step(List.of(BATCH)));

            assertEquals(FailureCategory.DEVICE, e.failure().category());
            assertNotNull(e.getMessage());
        }
    }
}

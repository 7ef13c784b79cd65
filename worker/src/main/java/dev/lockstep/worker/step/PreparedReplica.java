package dev.lockstep.worker.step;

import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.LossScale;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.work.AmpSummary;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.worker.collective.Collective;
import dev.lockstep.worker.collective.SharedMemoryCollective;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;
import dev.lockstep.worker.libtorch.LibC;
import dev.lockstep.worker.libtorch.ResidentMemory;
import dev.lockstep.worker.optimizer.Optimizer;
import dev.lockstep.worker.precision.Arithmetic;
import dev.lockstep.worker.precision.GradScaler;
import dev.lockstep.worker.precision.LossScaling;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.zip.CRC32C;

/** A replica over its segment, from prepare to release. */
final class PreparedReplica implements AutoCloseable {
    private static final String MEMORY_KIND = "peak-resident";

    private final NDManager manager;
    private final Segment segment;
    private final Replica replica;
    private final Arithmetic arithmetic;
    private final LossScaling scaling;
    private final Collective collective;
    private final TrainingStep step;
    private final ReplicaFiles files;
    private Long previousEnd;

    private PreparedReplica(
            NDManager manager,
            Segment segment,
            Replica replica,
            Arithmetic arithmetic,
            LossScaling scaling,
            Collective collective,
            TrainingStep step,
            ReplicaFiles files) {
        this.manager = manager;
        this.segment = segment;
        this.replica = replica;
        this.arithmetic = arithmetic;
        this.scaling = scaling;
        this.collective = collective;
        this.step = step;
        this.files = files;
    }

    static PreparedReplica create(NDManager parent, ReplicaSpec spec, Duration patience) {
        ResidentMemory.resetPeak();
        Segment segment;
        try {
            segment = Segment.open(Path.of(spec.segmentPath()), spec.layout(), spec.runId(), spec.epoch());
        } catch (IOException e) {
            throw cannotMap(spec, e);
        }
        NDManager manager = parent.newSubManager();
        try {
            return create(manager, segment, spec, patience);
        } catch (IOException e) {
            close(manager, segment);
            throw cannotMap(spec, e);
        } catch (RuntimeException e) {
            close(manager, segment);
            throw e;
        }
    }

    private static PreparedReplica create(NDManager manager, Segment segment, ReplicaSpec spec, Duration patience)
            throws IOException {
        TrainingSpec training = spec.training();
        ModelSpec model = training.model();
        Arithmetic arithmetic = Arithmetic.of(training.precision(), DeviceType.CPU, manager);
        JniUtils.setSeed(training.seed());
        Replica replica = Replica.inSegment(manager, model, arithmetic, segment, spec.rank());
        ReplicaFiles files = ReplicaFiles.of(spec, manager, segment, replica);
        GradScaler scaler = GradScaler.fromMetadata(files.load());
        LossScaling scaling =
                arithmetic.needsLossScaling() ? lossScaling(manager, segment, spec.rank(), scaler) : LossScaling.none();
        // Dropout and stochastic depth differ between ranks.
        JniUtils.setSeed(training.seed() + spec.rank());
        Collective collective = new SharedMemoryCollective(
                segment, spec.rank(), replica.buffers().bytes(), patience);
        InputSlots inputs = new InputSlots(segment, model.imageSize(), spec.channelsLast());
        TrainingStep step =
                switch (spec.strategy()) {
                    case DATA_PARALLEL ->
                        new DataParallelStep(
                                spec.rank(),
                                manager,
                                replica,
                                inputs,
                                collective,
                                optimizer(manager, replica, spec),
                                scaling);
                    case ALL_REDUCE ->
                        new AllReduceStep(
                                spec.rank(),
                                manager,
                                replica,
                                inputs,
                                collective,
                                SteppedShard.of(manager, segment, replica, spec),
                                scaling);
                };
        LibC.trimHeap();
        return new PreparedReplica(manager, segment, replica, arithmetic, scaling, collective, step, files);
    }

    /** Replica 0 steps all parameters, the others none. */
    private static Optimizer optimizer(NDManager manager, Replica replica, ReplicaSpec spec) {
        return spec.rank() == 0
                ? Optimizer.create(
                        spec.training().optimizer(),
                        manager,
                        replica.parameters().array(),
                        replica.gradients().array())
                : null;
    }

    /** Replica 0 decides, the others follow. */
    private static LossScaling lossScaling(NDManager manager, Segment segment, int rank, GradScaler scaler) {
        return rank == 0 ? LossScaling.leading(manager, segment, scaler) : LossScaling.following(manager, segment);
    }

    private static LockstepException cannotMap(ReplicaSpec spec, IOException cause) {
        return new LockstepException(
                FailureCategory.ENVIRONMENT,
                "replica " + spec.rank() + " cannot map its shared memory: " + cause.getMessage(),
                cause);
    }

    /** Several steps may be waiting when the measurement is aborted: they are not begun. */
    StepReport run(StepCommand command) {
        if (segment.aborted()) {
            throw new LockstepException(
                    FailureCategory.ABORTED, "step " + command.step() + " was not begun: the measurement was aborted");
        }
        long start = previousEnd != null ? previousEnd : System.nanoTime();
        PhaseClock clock = new PhaseClock();
        Double loss = step.run(command, clock);
        long end = System.nanoTime();
        previousEnd = end;
        files.record(command, loss);
        return new StepReport(command.step(), end - start, clock.phases(), collective.takeWaitNanos(), loss);
    }

    ReplicaSummary summarise() {
        CRC32C checksum = new CRC32C();
        checksum.update(replica.parameterBytes());
        OptionalDouble peak = ResidentMemory.peakMiB();
        files.write(scaling.toMetadata());
        return new ReplicaSummary(
                String.format(Locale.ROOT, "%08x", checksum.getValue()),
                peak.isPresent() ? peak.getAsDouble() : null,
                peak.isPresent() ? MEMORY_KIND : null,
                amp(),
                false);
    }

    private AmpSummary amp() {
        return arithmetic
                .half()
                .map(half -> new AmpSummary(
                        half.label(),
                        scaling.state().map(LossScale::scale).orElse(null),
                        scaling.state().map(LossScale::skippedSteps).orElse(0)))
                .orElse(null);
    }

    Replica replica() {
        return replica;
    }

    @Override
    public void close() {
        close(manager, segment);
    }

    private static void close(NDManager manager, Segment segment) {
        // The tensors lie in the segment's memory, so they go first.
        manager.close();
        try {
            segment.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

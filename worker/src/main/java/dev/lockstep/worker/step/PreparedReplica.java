package dev.lockstep.worker.step;

import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.LossScale;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.work.AmpSummary;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.worker.collective.Collective;
import dev.lockstep.worker.precision.Arithmetic;
import dev.lockstep.worker.precision.GradScaler;
import dev.lockstep.worker.precision.LossScaling;
import dev.lockstep.worker.step.PhaseClock.StepTimes;
import dev.lockstep.worker.step.ReplicaDevice.MemoryUse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;

/** A replica over its segment, from prepare to release. */
final class PreparedReplica implements AutoCloseable {
    private final ReplicaDevice device;
    private final int rank;
    private final boolean tf32;
    private final NDManager manager;
    private final Segment segment;
    private final Replica replica;
    private final Passes passes;
    private final Arithmetic arithmetic;
    private final LossScaling scaling;
    private final Collective collective;
    private final TrainingStep step;
    private final ReplicaFiles files;
    private Long previousEnd;

    private PreparedReplica(
            ReplicaDevice device,
            int rank,
            boolean tf32,
            NDManager manager,
            Segment segment,
            Replica replica,
            Passes passes,
            Arithmetic arithmetic,
            LossScaling scaling,
            Collective collective,
            TrainingStep step,
            ReplicaFiles files) {
        this.device = device;
        this.rank = rank;
        this.tf32 = tf32;
        this.manager = manager;
        this.segment = segment;
        this.replica = replica;
        this.passes = passes;
        this.arithmetic = arithmetic;
        this.scaling = scaling;
        this.collective = collective;
        this.step = step;
        this.files = files;
    }

    static PreparedReplica create(ReplicaDevice device, NDManager parent, ReplicaSpec spec, Duration patience) {
        Segment segment;
        try {
            segment = Segment.open(Path.of(spec.segmentPath()), spec.layout(), spec.runId(), spec.epoch());
        } catch (IOException e) {
            throw cannotMap(spec, e);
        }
        device.beginMeasurement();
        NDManager manager = parent.newSubManager();
        try {
            return create(device, manager, segment, spec, patience);
        } catch (IOException e) {
            close(device, manager, segment);
            throw cannotMap(spec, e);
        } catch (RuntimeException e) {
            close(device, manager, segment);
            throw e;
        }
    }

    private static PreparedReplica create(
            ReplicaDevice device, NDManager manager, Segment segment, ReplicaSpec spec, Duration patience)
            throws IOException {
        TrainingSpec training = spec.training();
        boolean tf32 = device.setArithmetic(training.precision());
        Arithmetic arithmetic = Arithmetic.of(training.precision(), device.type(), manager);
        JniUtils.setSeed(training.seed());
        Replica replica = device.replica(manager, spec, arithmetic, segment);
        ReplicaFiles files = ReplicaFiles.of(spec, manager, segment, replica);
        GradScaler scaler = GradScaler.fromMetadata(files.load());
        LossScaling scaling =
                arithmetic.needsLossScaling() ? lossScaling(manager, segment, spec.rank(), scaler) : LossScaling.none();
        // Dropout and stochastic depth differ between ranks.
        JniUtils.setSeed(training.seed() + spec.rank());
        Collective collective = device.collective(spec, segment, replica, patience);
        InputSlots inputs = device.inputs(manager, segment, training.model().imageSize(), spec.channelsLast());
        Passes passes = device.passes(replica, spec.training(), manager);
        TrainingStep step =
                switch (spec.strategy()) {
                    case DATA_PARALLEL -> {
                        // Shared parameters are stepped by all, those that are replica 0's alone by itself.
                        boolean shared = spec.ranks() > 1 && device.sharesParameters();
                        SteppedShard shard = shared || spec.rank() == 0
                                ? device.steppedShard(manager, spec, segment, replica)
                                : null;
                        ParameterUpdate update = shared
                                ? new ShardedUpdate(spec.rank(), collective, shard, scaling)
                                : new FirstReplicaUpdate(spec.rank(), collective, shard, scaling);
                        yield new DataParallelStep(spec.rank(), manager, passes, inputs, collective, update, scaling);
                    }
                    case ALL_REDUCE -> {
                        SteppedShard shard = device.steppedShard(manager, spec, segment, replica);
                        ShardedUpdate update = new ShardedUpdate(spec.rank(), collective, shard, scaling);
                        yield new AllReduceStep(spec.rank(), manager, passes, inputs, collective, update, scaling);
                    }
                };
        return new PreparedReplica(
                device,
                spec.rank(),
                tf32,
                manager,
                segment,
                replica,
                passes,
                arithmetic,
                scaling,
                collective,
                step,
                files);
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

    /** Samples of this replica's chunk. */
    int images(StepCommand command) {
        return command.isActive(rank) ? command.chunks().get(rank) : 0;
    }

    /** Several steps may be waiting when the measurement is aborted: they are not begun. */
    StepReport run(StepCommand command) {
        if (segment.aborted()) {
            throw new LockstepException(
                    FailureCategory.ABORTED, "step " + command.step() + " was not begun: the measurement was aborted");
        }
        boolean isFirst = previousEnd == null;
        long start = isFirst ? System.nanoTime() : previousEnd;
        PhaseClock clock = device.startClock();
        Double loss = step.run(command, clock);
        StepTimes times = clock.finish();
        collective.end();
        long end = System.nanoTime();
        if (isFirst) {
            device.endFirstStep();
        }
        previousEnd = end;
        files.record(command, loss);
        return new StepReport(
                command.step(), end - start, times.phases(), collective.takeWaitNanos(), loss, times.gpu());
    }

    ReplicaSummary summarise() {
        collective.settle();
        String checksum = String.format(Locale.ROOT, "%08x", replica.parameterChecksum());
        MemoryUse memory = device.memory();
        files.write(scaling.toMetadata());
        return new ReplicaSummary(checksum, memory.peakMiB(), memory.kind(), amp(), tf32, memory.deviceUsedMiB());
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
        try (passes) {
            collective.close();
        } finally {
            close(device, manager, segment);
        }
    }

    private static void close(ReplicaDevice device, NDManager manager, Segment segment) {
        // The tensors lie in the segment's memory, so they go first.
        manager.close();
        try {
            device.endMeasurement();
        } finally {
            close(segment);
        }
    }

    private static void close(Segment segment) {
        try {
            segment.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

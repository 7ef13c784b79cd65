package dev.lockstep.worker.step;

import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.worker.collective.Collective;
import dev.lockstep.worker.collective.Shard;
import dev.lockstep.worker.collective.SharedMemoryCollective;
import dev.lockstep.worker.libtorch.LibC;
import dev.lockstep.worker.libtorch.ResidentMemory;
import dev.lockstep.worker.optimizer.Optimizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.zip.CRC32C;

/** A replica over its segment, from prepare to release. */
final class PreparedReplica implements AutoCloseable {
    private static final String MEMORY_KIND = "peak-resident";

    private final NDManager manager;
    private final Segment segment;
    private final Replica replica;
    private final Collective collective;
    private final TrainingStep step;
    private final ReplicaFiles files;
    private Long previousEnd;

    private PreparedReplica(
            NDManager manager,
            Segment segment,
            Replica replica,
            Collective collective,
            TrainingStep step,
            ReplicaFiles files) {
        this.manager = manager;
        this.segment = segment;
        this.replica = replica;
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
        JniUtils.setSeed(training.seed());
        Replica replica = Replica.inSegment(manager, model, segment, spec.rank());
        ReplicaFiles files = ReplicaFiles.of(spec, manager, segment, replica);
        files.load();
        // Dropout and stochastic depth differ between ranks.
        JniUtils.setSeed(training.seed() + spec.rank());
        Collective collective = new SharedMemoryCollective(
                segment, spec.rank(), replica.buffers().bytes(), patience);
        InputSlots inputs = new InputSlots(segment, model.imageSize(), spec.channelsLast());
        TrainingStep step =
                switch (spec.strategy()) {
                    case DATA_PARALLEL ->
                        new DataParallelStep(
                                spec.rank(), manager, replica, inputs, collective, optimizer(manager, replica, spec));
                    case ALL_REDUCE ->
                        new AllReduceStep(
                                spec.rank(),
                                manager,
                                replica,
                                inputs,
                                collective,
                                shardOptimizer(manager, segment, replica, spec));
                };
        LibC.trimHeap();
        return new PreparedReplica(manager, segment, replica, collective, step, files);
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

    /** Every replica steps its shard, by the sums that lie in replica 0's gradients. */
    private static Optimizer shardOptimizer(NDManager manager, Segment segment, Replica replica, ReplicaSpec spec)
            throws IOException {
        FlatTensor sums = FlatTensor.over(manager, replica.gradients().layout(), segment.gradients(0));
        Shard shard = Shard.of(
                spec.rank(), spec.ranks(), replica.parameters().layout().floats());
        return Optimizer.create(
                spec.training().optimizer(),
                manager,
                replica.parameters().shard(manager, shard),
                sums.shard(manager, shard));
    }

    private static LockstepException cannotMap(ReplicaSpec spec, IOException cause) {
        return new LockstepException(
                FailureCategory.ENVIRONMENT,
                "replica " + spec.rank() + " cannot map its shared memory: " + cause.getMessage(),
                cause);
    }

    StepReport run(StepCommand command) {
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
        files.write(Map.of());
        return new ReplicaSummary(
                String.format(Locale.ROOT, "%08x", checksum.getValue()),
                peak.isPresent() ? peak.getAsDouble() : null,
                peak.isPresent() ? MEMORY_KIND : null,
                null,
                false);
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

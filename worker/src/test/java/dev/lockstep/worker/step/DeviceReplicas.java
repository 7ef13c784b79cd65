package dev.lockstep.worker.step;

import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.memory.SegmentLayout;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.work.CollectiveKind;
import dev.lockstep.common.work.CommunicatorId;
import dev.lockstep.common.work.Reduction;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.worker.collective.Collective;
import dev.lockstep.worker.collective.DeviceCollectives;
import dev.lockstep.worker.collective.LogitsRecord;
import dev.lockstep.worker.collective.Participant;
import dev.lockstep.worker.collective.ReplicaMemory;
import dev.lockstep.worker.cuda.HostRuntime;
import dev.lockstep.worker.cuda.LocalNccl;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;
import dev.lockstep.worker.libtorch.LibTorch;
import dev.lockstep.worker.precision.Arithmetic;
import dev.lockstep.worker.precision.GradScaler;
import dev.lockstep.worker.precision.LossScaling;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Replicas with memory of their own, as on GPUs, but in this process and on the CPU. Each starts from weights of its own, so that they
 * come to replica 0's by the exchange alone.
 */
final class DeviceReplicas implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final TrainingSpec training;
    private final Strategy strategy;
    private final CollectiveKind kind;
    private final Segment segment;
    private final List<Member> members = new ArrayList<>();
    private long nextStep;

    /** A rank, as {@link PreparedReplica} would put it together. */
    private final class Member {
        final int rank;
        final ExecutorService thread = Executors.newSingleThreadExecutor();
        final NDManager manager = LibTorch.load().newBaseManager();
        final HostRuntime cuda = new HostRuntime();
        final LocalNccl nccl;
        Replica replica;
        LossScaling scaling;
        Collective collective;
        TrainingStep step;
        Passes passes;
        final RepeatingRecorder recorder = new RepeatingRecorder();

        Member(int rank, LocalNccl.World world) {
            this.rank = rank;
            this.nccl = new LocalNccl(world);
        }

        Void build() {
            JniUtils.setGradMode(true);
            Arithmetic arithmetic = Arithmetic.of(training.precision(), DeviceType.CPU, manager);
            JniUtils.setSeed(training.seed() + 100L * rank);
            replica = Replica.inPrivateMemory(manager, training.model(), arithmetic);
            if (!arithmetic.needsLossScaling()) {
                scaling = LossScaling.none();
            } else if (rank == 0) {
                scaling = LossScaling.leading(manager, segment, new GradScaler());
            } else {
                scaling = LossScaling.following(manager, segment);
            }
            return null;
        }

        Void join(int ranks) throws IOException {
            ReplicaSpec spec = new ReplicaSpec(
                    "test",
                    1,
                    rank,
                    ranks,
                    strategy,
                    training,
                    StateFiles.NONE,
                    segment.path().toString(),
                    segment.layout(),
                    kind,
                    kind == CollectiveKind.NCCL ? CommunicatorId.of(nccl.createUniqueId()) : null);
            ReplicaMemory memory = new ReplicaMemory(
                    replica.parameters().array(),
                    replica.gradients().array(),
                    replica.buffers().array());
            Participant participant =
                    new Participant(segment, rank, memory, manager, LogitsRecord.of(segment, true), PATIENCE);
            collective = DeviceCollectives.create(spec, participant, cuda, () -> nccl, reason -> {
                throw new IllegalStateException(reason);
            });
            InputSlots inputs = new SharedInputs(
                    manager,
                    segment,
                    training.model().imageSize(),
                    training.memoryFormat() == MemoryFormat.CHANNELS_LAST);
            passes = new RecordedPasses(replica, recorder, manager, () -> {});
            SteppedShard whole = SteppedShard.whole(manager, replica, training.optimizer());
            step = strategy == Strategy.DATA_PARALLEL
                    ? new DataParallelStep(
                            rank,
                            manager,
                            passes,
                            inputs,
                            collective,
                            new FirstReplicaUpdate(rank, collective, rank == 0 ? whole : null, scaling),
                            scaling)
                    : new AllReduceStep(
                            rank,
                            manager,
                            passes,
                            inputs,
                            collective,
                            new ShardedUpdate(rank, collective, whole, scaling),
                            scaling);
            return null;
        }

        Double run(StepCommand command) {
            Double loss = step.run(command, new HostClock());
            collective.end();
            return loss;
        }

        float[] parameters() {
            return replica.parameters().array().toFloatArray();
        }
    }

    @FunctionalInterface
    private interface Action<T> {
        T on(Member member) throws IOException;
    }

    DeviceReplicas(TrainingSpec training, Strategy strategy, CollectiveKind kind, SegmentLayout layout)
            throws IOException {
        this.training = training;
        this.strategy = strategy;
        this.kind = kind;
        this.segment = Segment.create(layout, "test", 1);
        LocalNccl.World world = new LocalNccl.World(layout.ranks());
        for (int rank = 0; rank < layout.ranks(); rank++) {
            Member member = new Member(rank, world);
            members.add(member);
            // One after the other: the seed is the process's.
            get(submit(member, Member::build));
        }
        onAll(member -> member.join(layout.ranks()));
    }

    Segment segment() {
        return segment;
    }

    /** Runs a step on all ranks at once, and returns its loss. */
    double step(List<Integer> chunks) {
        Reduction reduction = strategy == Strategy.ALL_REDUCE ? Reduction.SUM_TO_ALL : Reduction.SUM_TO_FIRST;
        StepCommand command = new StepCommand(nextStep++, 0, chunks, reduction);
        return onAll(member -> member.run(command)).get(0);
    }

    /** Each rank's parameters after the last step. */
    List<float[]> parameters() {
        return onAll(member -> {
            member.collective.settle();
            return member.parameters();
        });
    }

    Replica replica(int rank) {
        return members.get(rank).replica;
    }

    LossScaling scaling() {
        return members.get(0).scaling;
    }

    private <T> Future<T> submit(Member member, Action<T> action) {
        Callable<T> call = () -> action.on(member);
        return member.thread.submit(call);
    }

    private <T> List<T> onAll(Action<T> action) {
        List<Future<T>> futures =
                members.stream().map(member -> submit(member, action)).toList();
        List<T> results = new ArrayList<>();
        futures.forEach(future -> results.add(get(future)));
        return results;
    }

    private static <T> T get(Future<T> future) {
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() throws IOException {
        onAll(member -> {
            member.collective.close();
            if (!member.cuda.pinned().isEmpty()) {
                throw new IllegalStateException("memory is left pinned");
            }
            if (member.nccl.ended() != (kind == CollectiveKind.NCCL)) {
                throw new IllegalStateException("the communicator was not left in peace");
            }
            member.manager.close();
            return null;
        });
        members.forEach(member -> member.thread.shutdown());
        segment.close();
    }
}

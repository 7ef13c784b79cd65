package dev.lockstep.worker.collective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.memory.SegmentLayout;
import dev.lockstep.common.work.Reduction;
import dev.lockstep.common.work.StepCommand;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Replicas of one host, over a {@link Segment}. Parameters and gradients lie in it, so that neither is copied: all ranks compute
 * with the one copy of the parameters, and the sum reads the gradients where autograd left them.
 *
 * <p>Why no one reads what another is changing, for a step k:
 * <ul>
 *   <li>Every rank sums its own {@link Shard} of all gradients into replica 0's, after BACKWARD_DONE of all active ones. No one computes
 *       with the parameters then, so that it steps its shard of them where all read them, and announces UPDATED.
 *   <li>Replica 0 announces REPLICATED of step k after it has seen UPDATED of step k-1 of all who have a shard: whoever has seen that may
 *       read parameters and statistics and may overwrite its own logits and gradients, even if it was idle for some steps. Who
 *       has no samples waits for BACKWARD_DONE of step k instead, which comes later.
 *   <li>Replica 0 overwrites the gathered logits only after REPLICATED, and so when no one reads those of the step before.
 * </ul>
 *
 * <p>Under data-parallel that is all. Under all-reduce every rank ends its step only when it has seen UPDATED of all, replica 0 or not: idle
 * ranks, too, leave their share of the loss in the segment, and replica 0 must have read the last one.
 *
 * <p>{@link #reduce} is for parameters that lie elsewhere, and are replica 0's alone to step: it waits for REDUCED instead of UPDATED.
 */
public final class SharedMemoryCollective implements Collective {
    private final int rank;
    private final Segment segment;
    private final SegmentLayout layout;
    private final Rendezvous rendezvous;
    private final ByteBuffer ownBuffers;
    private final ByteBuffer sharedBuffers;
    private final SharedRows logits;
    private final SharedRows logitGradients;
    private final List<ByteBuffer> gradients = new ArrayList<>();
    private StepCommand step;

    /**
     * @param manager owns arrays over the segment, which are kept from step to step
     * @param buffers this rank's own running statistics: float32 [flatBuffers]
     * @param patience how long to wait for a rank
     * @throws IOException if the segment cannot be mapped
     */
    public SharedMemoryCollective(Segment segment, int rank, NDManager manager, ByteBuffer buffers, Duration patience)
            throws IOException {
        this.rank = rank;
        this.segment = segment;
        this.layout = segment.layout();
        this.rendezvous = new Rendezvous(segment, rank, patience);
        this.ownBuffers = buffers;
        this.sharedBuffers = segment.buffers();
        this.logits = new SharedRows(manager, segment.logits(0, layout.batch()), layout.classes());
        this.logitGradients = new SharedRows(manager, segment.logitGradients(0, layout.batch()), layout.classes());
        for (int other = 0; other < layout.ranks(); other++) {
            gradients.add(segment.gradients(other));
        }
    }

    @Override
    public void begin(StepCommand command) {
        step = command;
    }

    @Override
    public void replicate() {
        if (rank == 0) {
            sharedBuffers.put(0, ownBuffers, 0, ownBuffers.capacity());
            publish(Stage.REPLICATED);
        } else {
            rendezvous.await(0, 1, Stage.REPLICATED, step.step());
            ownBuffers.put(0, sharedBuffers, 0, ownBuffers.capacity());
        }
    }

    @Override
    public NDArray gather(NDManager manager, NDArray chunkLogits) {
        shareLogits(chunkLogits);
        publish(Stage.GATHERED);
        if (rank != 0) {
            return null;
        }
        rendezvous.await(0, active(), Stage.GATHERED, step.step());
        return logits.array(0, step.batch());
    }

    @Override
    public NDArray scatter(NDManager manager, NDArray gradient) {
        if (rank == 0) {
            logitGradients.put(0, gradient);
            publish(Stage.LOSS_DONE);
        } else {
            rendezvous.await(0, 1, Stage.LOSS_DONE, step.step());
        }
        return logitGradients.array(step.firstSample(rank), step.chunks().get(rank));
    }

    @Override
    public void reduce(NDManager manager) {
        publish(Stage.BACKWARD_DONE);
        int owners = Shard.owners(active(), layout.flatParameters());
        if (rank < owners) {
            awaitGradientsAndSum(manager, active());
            publish(Stage.REDUCED);
        }
        if (rank == 0) {
            rendezvous.await(0, owners, Stage.REDUCED, step.step());
        }
    }

    @Override
    public void shareLogits(NDArray chunkLogits) {
        logits.put(step.firstSample(rank), chunkLogits);
    }

    @Override
    public Double reduceShard(NDManager manager, double lossShare) {
        segment.putLossShare(rank, lossShare);
        publish(Stage.BACKWARD_DONE);
        if (rank < Shard.owners(layout.ranks(), layout.flatParameters())) {
            awaitGradientsAndSum(manager, layout.ranks());
        }
        return rank == 0 ? segment.loss(active()) : null;
    }

    @Override
    public boolean anyOverflow(boolean here) {
        segment.publishOverflow(rank, here);
        publish(Stage.CHECKED);
        rendezvous.await(0, layout.ranks(), Stage.CHECKED, step.step());
        return segment.overflow(layout.ranks());
    }

    /** Under data-parallel replica 0 waits for all. The others do so when they wait for its next REPLICATED. */
    @Override
    public void awaitUpdates() {
        publish(Stage.UPDATED);
        if (step.reduction() == Reduction.SUM_TO_ALL) {
            rendezvous.await(0, layout.ranks(), Stage.UPDATED, step.step());
        } else if (rank == 0) {
            rendezvous.await(0, Shard.owners(layout.ranks(), layout.flatParameters()), Stage.UPDATED, step.step());
        }
    }

    /** Sums this rank's shard of as many as there are. */
    private void awaitGradientsAndSum(NDManager manager, int shards) {
        rendezvous.await(0, active(), Stage.BACKWARD_DONE, step.step());
        if (Shard.isSmall(layout.flatParameters())) {
            sumHere();
        } else {
            sum(manager, Shard.of(rank, shards, layout.flatParameters()));
        }
    }

    private void sum(NDManager manager, Shard shard) {
        Shape shape = new Shape(shard.floats());
        NDArray sum = SharedRows.array(manager, gradients.get(0), shard.from(), shape);
        for (int other = 1; other < active(); other++) {
            sum.addi(SharedRows.array(manager, gradients.get(other), shard.from(), shape));
        }
    }

    /** The same sum, to the bit, without libtorch: for few floats its calls take longer than the additions. */
    private void sumHere() {
        FloatBuffer sums = gradients.get(0).asFloatBuffer();
        float[] sum = new float[sums.capacity()];
        float[] addend = new float[sum.length];
        sums.get(0, sum);
        for (int other = 1; other < active(); other++) {
            gradients.get(other).asFloatBuffer().get(0, addend);
            for (int i = 0; i < sum.length; i++) {
                sum[i] += addend[i];
            }
        }
        sums.put(0, sum);
    }

    @Override
    public long takeWaitNanos() {
        return rendezvous.takeWaitNanos();
    }

    private int active() {
        return step.chunks().size();
    }

    private void publish(Stage stage) {
        rendezvous.publish(stage, step.step());
    }
}

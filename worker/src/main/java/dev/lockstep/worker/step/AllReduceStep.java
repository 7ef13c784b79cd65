package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.worker.collective.Collective;
import dev.lockstep.worker.precision.LossScaling;
import dev.lockstep.worker.step.CrossEntropy.Loss;
import dev.lockstep.worker.step.InputSlots.Range;
import dev.lockstep.worker.step.PhaseClock.Phase;

/**
 * The step of {@code DistributedDataParallel} on one rank, with gradients and optimizer in shards where replicas share their
 * memory: each rank computes the loss of its own chunk, gets the sum of all ranks' gradients over its shard, and steps that shard. Where
 * each has memory of its own, the shard is the whole. Every chunk's loss weighs as much as its share of
 * the batch, so that the sum is the gradient of the batch's mean loss however uneven the chunks are.
 *
 * <p>Running statistics are replica 0's at the start of every step. A rank without samples still sums and steps its shard.
 */
final class AllReduceStep implements TrainingStep {
    private final int rank;
    private final NDManager manager;
    private final Passes passes;
    private final InputSlots inputs;
    private final Collective collective;
    private final ShardedUpdate update;
    private final LossScaling scaling;

    /**
     * @param manager parent of each step's own manager, which holds what the step makes and is closed with it
     */
    AllReduceStep(
            int rank,
            NDManager manager,
            Passes passes,
            InputSlots inputs,
            Collective collective,
            ShardedUpdate update,
            LossScaling scaling) {
        this.rank = rank;
        this.manager = manager;
        this.passes = passes;
        this.inputs = inputs;
        this.collective = collective;
        this.update = update;
        this.scaling = scaling;
    }

    @Override
    public Double run(StepCommand command, PhaseClock clock) {
        try (NDManager scope = manager.newSubManager()) {
            collective.begin(command);
            double lossShare = command.isActive(rank) ? computeGradients(command, scope, clock) : sitOut(clock);
            return update.run(scope, lossShare, clock);
        }
    }

    private double sitOut(PhaseClock clock) {
        clock.waitFor(collective::sitOut);
        return 0;
    }

    /** Leaves the gradients of this rank's share of the loss in its flat gradients, and returns that share. */
    private double computeGradients(StepCommand command, NDManager scope, PhaseClock clock) {
        int samples = command.chunks().get(rank);
        Range chunk = new Range(command.slot(), command.firstSample(rank), samples);
        NDArray images = inputs.images(scope, chunk);
        clock.mark(Phase.SCATTER);
        clock.waitFor(collective::replicate);
        clock.mark(Phase.REPLICATE);
        NDArray logits = passes.forward(images);
        clock.mark(Phase.FORWARD);
        clock.waitFor(() -> collective.shareLogits(logits));
        clock.mark(Phase.GATHER);
        double share = (double) samples / command.batch();
        // Made where it is needed, and the loss read last: a copy from or to the device would be waited for.
        NDArray scale = scope.full(new Shape(), (float) (share * scaling.scale()));
        Loss loss = CrossEntropy.of(scope, logits, inputs.labels(scope, chunk), scale);
        clock.mark(Phase.LOSS);
        passes.backward(logits, loss.byLogits());
        clock.mark(Phase.BACKWARD);
        return clock.waiting(() -> loss.mean().getFloat()) * share;
    }
}

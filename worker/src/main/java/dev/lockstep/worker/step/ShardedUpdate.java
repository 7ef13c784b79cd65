package dev.lockstep.worker.step;

import ai.djl.ndarray.NDManager;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.worker.collective.Collective;
import dev.lockstep.worker.precision.LossScaling;
import dev.lockstep.worker.step.PhaseClock.Phase;

/**
 * Every rank sums its shard of all gradients and steps its shard of the parameters. A rank without samples still does.
 *
 * @param shard the part of the parameters that this rank steps
 */
record ShardedUpdate(int rank, Collective collective, SteppedShard shard, LossScaling scaling)
        implements ParameterUpdate {
    /** For a step whose loss replica 0 has already. */
    @Override
    public void run(StepCommand command, NDManager scope, PhaseClock clock) {
        run(scope, 0, clock);
    }

    /**
     * The reduce phase ends with the parameters complete: its second part is the wait for the other shards, after the optimizer.
     *
     * @param lossShare what this rank's chunk adds to the batch's loss
     * @return on replica 0 the sum of all ranks' shares; null on the others
     */
    Double run(NDManager scope, double lossShare, PhaseClock clock) {
        Double loss = clock.waiting(() -> collective.reduceShard(scope, lossShare));
        clock.mark(Phase.REDUCE);
        step(clock);
        clock.mark(Phase.OPTIMIZER);
        clock.waitFor(collective::awaitUpdates);
        clock.mark(Phase.REDUCE);
        return loss;
    }

    /** Steps this rank's shard, unless any rank's shard of the sums overflowed: all step or none. */
    private void step(PhaseClock clock) {
        if (!scaling.isActive()) {
            shard.step();
            return;
        }
        boolean overflow = clock.waiting(() -> collective.anyOverflow(!scaling.unscale(shard.sums())));
        if (!overflow) {
            shard.step();
        }
        if (rank == 0) {
            scaling.update(overflow);
        }
    }
}

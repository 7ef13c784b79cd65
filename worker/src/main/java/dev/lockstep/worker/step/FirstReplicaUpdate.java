package dev.lockstep.worker.step;

import ai.djl.ndarray.NDManager;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.worker.collective.Collective;
import dev.lockstep.worker.precision.LossScaling;
import dev.lockstep.worker.step.PhaseClock.Phase;

/**
 * Replica 0 steps its parameters, of which the others get a copy with their next step. Ranks without samples have no part in it.
 *
 * @param whole all parameters, with the sums in replica 0's gradients; null but on rank 0
 */
record FirstReplicaUpdate(int rank, Collective collective, SteppedShard whole, LossScaling scaling)
        implements ParameterUpdate {
    @Override
    public void run(StepCommand command, NDManager scope, PhaseClock clock) {
        if (!command.isActive(rank)) {
            return;
        }
        if (command.chunks().size() > 1) {
            clock.waitFor(() -> collective.reduce(scope));
            clock.mark(Phase.REDUCE);
        }
        if (rank == 0) {
            step(clock);
            clock.mark(Phase.OPTIMIZER);
        }
    }

    private void step(PhaseClock clock) {
        boolean finite = clock.waiting(() -> scaling.unscale(whole.sums()));
        if (finite) {
            whole.step();
        }
        scaling.update(!finite);
    }
}

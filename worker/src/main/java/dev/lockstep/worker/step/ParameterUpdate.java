package dev.lockstep.worker.step;

import ai.djl.ndarray.NDManager;
import dev.lockstep.common.work.StepCommand;

/** How a data-parallel step ends on one rank: the gradients of all ranks are summed, and the parameters are stepped by the sums. */
interface ParameterUpdate {
    /**
     * Takes this rank's part in it. Ranks call it when their gradients are there, those without samples at once.
     *
     * @param command the step that the collective has begun
     * @param scope owns what is made for the step alone
     */
    void run(StepCommand command, NDManager scope, PhaseClock clock);
}

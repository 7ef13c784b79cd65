package dev.lockstep.worker.step;

import dev.lockstep.common.work.StepCommand;

/** One rank's part in the steps of a measurement. */
interface TrainingStep {
    /** Runs one step and returns the whole batch's loss on rank 0, null on the others. */
    Double run(StepCommand command, PhaseClock clock);
}

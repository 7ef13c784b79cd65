package dev.lockstep.worker.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.lockstep.common.plan.OptimizerSpec;

/** Changes parameters by their gradients; both are flat float32 arrays whose padding is zero and stays zero. */
public interface Optimizer {
    /** One step, in place. The gradients stay as they are. */
    void step();

    /**
     * The optimizer of a specification.
     *
     * @param manager owns the optimizer's state
     * @param parameters all of them, or the part of the flat memory that this replica steps
     * @param gradients of the same part
     * @throws dev.lockstep.common.failure.LockstepException if the specification contradicts itself
     */
    static Optimizer create(OptimizerSpec spec, NDManager manager, NDArray parameters, NDArray gradients) {
        return switch (spec.kind()) {
            case SGD -> new StochasticGradientDescent(spec, manager, parameters, gradients);
            case ADAM, ADAMW -> new Adam(spec, manager, parameters, gradients);
        };
    }
}

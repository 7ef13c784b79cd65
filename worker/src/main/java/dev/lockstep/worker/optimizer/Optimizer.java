package dev.lockstep.worker.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.OptimizerSpec;

/** Changes parameters by their gradients; both are flat float32 arrays whose padding is zero and stays zero. */
public interface Optimizer {
    /** One step, in place. The gradients stay as they are. */
    void step();

    /**
     * The optimizer of a specification.
     *
     * @param manager owns the optimizer's state
     * @throws LockstepException if there is no such optimizer yet
     */
    static Optimizer create(OptimizerSpec spec, NDManager manager, NDArray parameters, NDArray gradients) {
        return switch (spec.kind()) {
            case SGD -> new StochasticGradientDescent(spec, manager, parameters, gradients);
            case ADAM, ADAMW ->
                throw new LockstepException(
                        FailureCategory.USAGE, "the optimizer '" + spec.kind().label() + "' is not there yet: use sgd");
        };
    }
}

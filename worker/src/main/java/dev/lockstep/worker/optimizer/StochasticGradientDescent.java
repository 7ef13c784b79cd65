package dev.lockstep.worker.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.worker.libtorch.FusedKernels;

/** torch.optim.SGD with momentum, Nesterov's too, and weight decay, by libtorch's fused kernel: one pass over the memory. */
final class StochasticGradientDescent implements Optimizer {
    private final OptimizerSpec spec;
    private final NDArray parameters;
    private final NDArray gradients;
    /** Null when there is no momentum. */
    private final NDArray momentumBuffer;

    private boolean isFirstStep = true;

    StochasticGradientDescent(OptimizerSpec spec, NDManager manager, NDArray parameters, NDArray gradients) {
        if (spec.nesterov() && spec.momentum() == 0) {
            throw new LockstepException(
                    FailureCategory.USAGE,
                    "Nesterov's momentum needs a momentum above 0: set one or leave nesterov off");
        }
        this.spec = spec;
        this.parameters = parameters;
        this.gradients = gradients;
        this.momentumBuffer = spec.momentum() == 0 ? null : manager.zeros(parameters.getShape());
    }

    @Override
    public void step() {
        FusedKernels.sgd(
                parameters,
                gradients,
                momentumBuffer,
                spec.learningRate(),
                spec.momentum(),
                spec.weightDecay(),
                spec.nesterov(),
                isFirstStep);
        isFirstStep = false;
    }
}

package dev.lockstep.worker.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.worker.libtorch.LibTorch;

/** torch.optim.SGD with momentum and weight decay, by libtorch's fused kernel: one pass over the memory. */
final class StochasticGradientDescent implements Optimizer {
    private final OptimizerSpec spec;
    private final NDArray parameters;
    private final NDArray gradients;
    /** Null when there is no momentum. */
    private final NDArray momentumBuffer;

    private boolean isFirstStep = true;

    StochasticGradientDescent(OptimizerSpec spec, NDManager manager, NDArray parameters, NDArray gradients) {
        this.spec = spec;
        this.parameters = parameters;
        this.gradients = gradients;
        this.momentumBuffer = spec.momentum() == 0 ? null : manager.zeros(parameters.getShape());
    }

    @Override
    public void step() {
        LibTorch.sgd(
                parameters,
                gradients,
                momentumBuffer,
                spec.learningRate(),
                spec.momentum(),
                spec.weightDecay(),
                isFirstStep);
        isFirstStep = false;
    }
}

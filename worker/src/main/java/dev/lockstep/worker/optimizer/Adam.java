package dev.lockstep.worker.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.worker.libtorch.FusedKernels;
import dev.lockstep.worker.libtorch.FusedKernels.AdamSettings;

/** torch.optim.Adam and AdamW with their default betas and epsilon, by libtorch's fused kernels: one pass over the memory. */
final class Adam implements Optimizer {
    private static final double BETA_1 = 0.9;
    private static final double BETA_2 = 0.999;
    private static final double EPSILON = 1e-8;

    private final AdamSettings settings;
    private final NDArray parameters;
    private final NDArray gradients;
    private final NDArray average;
    private final NDArray squareAverage;
    private final NDArray step;
    /** What the step's number grows by, on the device already: a number from the host would be waited for. */
    private final NDArray one;

    Adam(OptimizerSpec spec, NDManager manager, NDArray parameters, NDArray gradients) {
        this.settings = new AdamSettings(
                spec.learningRate(), BETA_1, BETA_2, EPSILON, spec.weightDecay(), spec.kind() == OptimizerKind.ADAMW);
        this.parameters = parameters;
        this.gradients = gradients;
        this.average = manager.zeros(parameters.getShape());
        this.squareAverage = manager.zeros(parameters.getShape());
        this.step = manager.zeros(new Shape(), DataType.FLOAT32);
        this.one = manager.ones(new Shape(), DataType.FLOAT32);
    }

    @Override
    public void step() {
        step.addi(one);
        FusedKernels.adam(settings, parameters, gradients, average, squareAverage, step);
    }
}

package dev.lockstep.common.plan;

/**
 * An optimizer and its hyper-parameters, in torch's sense of each.
 *
 * @param momentum used by SGD alone
 * @param weightDecay the penalty's factor, applied to every parameter as torch does
 * @param nesterov whether SGD's momentum is Nesterov's
 */
public record OptimizerSpec(
        OptimizerKind kind, double learningRate, double momentum, double weightDecay, boolean nesterov) {
    /** An optimizer whose momentum, where it has one, is the classical one. */
    public OptimizerSpec(OptimizerKind kind, double learningRate, double momentum, double weightDecay) {
        this(kind, learningRate, momentum, weightDecay, false);
    }
}

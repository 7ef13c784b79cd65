package dev.lockstep.common.plan;

/**
 * An optimizer and its hyper-parameters, in torch's sense of each.
 *
 * @param momentum used by SGD alone
 * @param weightDecay the L2 penalty's factor, applied to every parameter as torch does
 */
public record OptimizerSpec(OptimizerKind kind, double learningRate, double momentum, double weightDecay) {}

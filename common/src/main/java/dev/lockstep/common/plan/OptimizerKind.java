package dev.lockstep.common.plan;

import com.fasterxml.jackson.annotation.JsonValue;

/** The optimizers by their names in torch.optim. */
public enum OptimizerKind implements Labelled {
    /** Stochastic gradient descent with momentum and weight decay. */
    SGD("sgd"),
    /** Adam with L2 weight decay. */
    ADAM("adam"),
    /** Adam with decoupled weight decay. */
    ADAMW("adamw");

    private final String label;

    OptimizerKind(String label) {
        this.label = label;
    }

    @Override
    @JsonValue
    public String label() {
        return label;
    }
}

package dev.lockstep.common.plan;

import com.fasterxml.jackson.annotation.JsonValue;

/** How replicas work together on one step. */
public enum Strategy implements Labelled {
    /** {@code torch.nn.DataParallel}: replica 0 owns the parameters and computes the loss. */
    DATA_PARALLEL("data-parallel"),
    /** {@code DistributedDataParallel}: resident replicas, gradients summed into every replica. */
    ALL_REDUCE("all-reduce");

    private final String label;

    Strategy(String label) {
        this.label = label;
    }

    @Override
    @JsonValue
    public String label() {
        return label;
    }
}

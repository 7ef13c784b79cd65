package dev.lockstep.common.work;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.lockstep.common.plan.Labelled;

/** What a replica computes on. */
public enum DeviceKind implements Labelled {
    CPU("cpu"),
    CUDA("cuda");

    private final String label;

    DeviceKind(String label) {
        this.label = label;
    }

    @Override
    @JsonValue
    public String label() {
        return label;
    }
}

package dev.lockstep.common.work;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.lockstep.common.plan.Labelled;

/** How the replicas of a measurement exchange tensors. The coordinator decides, and a worker serves it with nothing else. */
public enum CollectiveKind implements Labelled {
    /** There is one replica. */
    NONE("none"),
    /** CPU replicas: parameters and gradients lie in the segment. */
    SHARED_MEMORY("shared-memory"),
    /** GPU replicas through the segment: copied to it, reduced there, copied back. */
    STAGED("staged"),
    /** GPU replicas, one on each GPU, by NVIDIA's library. */
    NCCL("nccl");

    private final String label;

    CollectiveKind(String label) {
        this.label = label;
    }

    @Override
    @JsonValue
    public String label() {
        return label;
    }
}

package dev.lockstep.common.plan;

import com.fasterxml.jackson.annotation.JsonValue;

/** The order of an activation's axes in memory; the logical shape is [N, C, H, W] in both. */
public enum MemoryFormat implements Labelled {
    /** NHWC in memory. */
    CHANNELS_LAST("channels-last"),
    /** NCHW in memory. */
    CONTIGUOUS("contiguous");

    private final String label;

    MemoryFormat(String label) {
        this.label = label;
    }

    @Override
    @JsonValue
    public String label() {
        return label;
    }
}

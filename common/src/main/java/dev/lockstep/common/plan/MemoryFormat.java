package dev.lockstep.common.plan;

import com.fasterxml.jackson.annotation.JsonValue;

/** The order of an activation's axes in memory; the logical shape is [N, C, H, W] in both. */
public enum MemoryFormat implements Labelled {
    /** NHWC in memory. */
    CHANNELS_LAST("channels-last"),
    /** NCHW in memory. */
    CONTIGUOUS("contiguous"),
    /**
     * As it is usual on GPUs: contiguous in full precision, where channels-last takes a third more memory, and channels-last in mixed
     * precision, which tensor cores want.
     */
    AUTO("auto");

    private final String label;

    MemoryFormat(String label) {
        this.label = label;
    }

    /** The order itself, where this leaves it to the precision. */
    public MemoryFormat in(Precision precision) {
        if (this != AUTO) {
            return this;
        }
        return precision == Precision.FP32 || precision == Precision.FP32_STRICT ? CONTIGUOUS : CHANNELS_LAST;
    }

    @Override
    @JsonValue
    public String label() {
        return label;
    }
}

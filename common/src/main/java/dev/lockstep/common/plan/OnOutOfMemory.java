package dev.lockstep.common.plan;

import com.fasterxml.jackson.annotation.JsonValue;

/** What becomes of a measurement that does not fit the memory. */
public enum OnOutOfMemory implements Labelled {
    /** It has no figures, and the report says why. */
    FAIL("fail"),
    /** It is tried again with half the batch, as often as that helps, and the report says so. */
    HALVE("halve");

    private final String label;

    OnOutOfMemory(String label) {
        this.label = label;
    }

    @Override
    @JsonValue
    public String label() {
        return label;
    }
}

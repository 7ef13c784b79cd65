package dev.lockstep.common.plan;

import com.fasterxml.jackson.annotation.JsonValue;

/** What stays the same when devices are added, and so what a speed-up compares. */
public enum Scaling implements Labelled {
    /** The batch per device: each device brings its own. */
    WEAK("weak"),
    /** The global batch: more devices share it. */
    STRONG("strong");

    private final String label;

    Scaling(String label) {
        this.label = label;
    }

    @Override
    @JsonValue
    public String label() {
        return label;
    }
}

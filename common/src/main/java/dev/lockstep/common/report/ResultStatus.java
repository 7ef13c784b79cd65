package dev.lockstep.common.report;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** How a measurement ended. */
public enum ResultStatus {
    OK,
    FAILED,
    /** Not tried, for the reason in the result's error. */
    SKIPPED,
    CANCELLED;

    @JsonValue
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}

package dev.lockstep.common.report;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** How a run ended. */
public enum RunStatus {
    /** Every measurement is there. */
    COMPLETED,
    /** Some measurements are there: the others failed, were skipped, or have not run yet. */
    PARTIAL,
    /** No measurement is there. */
    FAILED,
    /** The user ended it. */
    CANCELLED;

    @JsonValue
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}

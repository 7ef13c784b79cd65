package dev.lockstep.coordinator.cli;

import dev.lockstep.common.failure.FailureCategory;
import java.util.Arrays;

/** What a command's exit status says; part of the public interface. */
enum ExitStatus {
    /** All that was asked is done. */
    DONE(0),
    /** A measurement failed: the report says which and why. */
    FAILED(1),
    /** The options or the plan are wrong. */
    USAGE(2),
    /** The machine lacks something: a device, disk, a port, Java. */
    ENVIRONMENT(3),
    /** There is no cluster, or it went away. */
    NO_CLUSTER(4),
    /** The user ended it. */
    CANCELLED(130);

    private final int code;

    ExitStatus(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }

    /** The status for a failure that the coordinator told. */
    static ExitStatus of(FailureCategory category) {
        return switch (category) {
            case USAGE -> USAGE;
            case ENVIRONMENT -> ENVIRONMENT;
            case CANCELLED -> CANCELLED;
            case WORKER_DIED, TIMEOUT, NOT_ENOUGH_MEMORY, OUT_OF_MEMORY, DEVICE, DATA, ABORTED, INTERNAL -> FAILED;
        };
    }

    /** The status for a run that is over, by the name of its {@link dev.lockstep.common.report.RunStatus}. */
    static ExitStatus ofRun(String status) {
        return switch (status) {
            case "completed" -> DONE;
            case "cancelled" -> CANCELLED;
            default -> FAILED;
        };
    }

    /** The status for a coordinator that ended before it was ready: its own where it is one of these, never success. */
    static ExitStatus ofProcess(int code) {
        return Arrays.stream(values())
                .filter(status -> status != DONE && status.code == code)
                .findFirst()
                .orElse(FAILED);
    }
}

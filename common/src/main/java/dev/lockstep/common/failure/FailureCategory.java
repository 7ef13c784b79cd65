package dev.lockstep.common.failure;

import com.fasterxml.jackson.annotation.JsonValue;

/** What kind of thing went wrong; programs branch on it, people read the message beside it. */
public enum FailureCategory {
    /** A worker process ended by itself or was killed. */
    WORKER_DIED("worker-died"),
    /** A replica, a message or a process did not answer in time. */
    TIMEOUT("timeout"),
    /** The replicas would not fit the machine's memory together. */
    NOT_ENOUGH_MEMORY("not-enough-memory"),
    /** An allocation failed while it ran. */
    OUT_OF_MEMORY("out-of-memory"),
    /** A device failed in a way that leaves its process nothing to go on with. */
    DEVICE("device"),
    /** A batch could not be had. */
    DATA("data"),
    /** The options contradict each other or name what does not exist. */
    USAGE("usage"),
    /** The machine lacks something: a device, disk, a port. */
    ENVIRONMENT("environment"),
    /** The user asked for the end. */
    CANCELLED("cancelled"),
    /** Another replica failed, so this one stopped. */
    ABORTED("aborted"),
    /** A defect of Lockstep or of the engine. */
    INTERNAL("internal");

    private final String label;

    FailureCategory(String label) {
        this.label = label;
    }

    /** The name in reports and JSON. */
    @JsonValue
    public String label() {
        return label;
    }
}

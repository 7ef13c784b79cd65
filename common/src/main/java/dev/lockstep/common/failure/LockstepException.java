package dev.lockstep.common.failure;

/** A failure with a sentence for the user. */
public final class LockstepException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final FailureCategory category;

    public LockstepException(FailureCategory category, String message) {
        super(message);
        this.category = category;
    }

    public LockstepException(FailureCategory category, String message, Throwable cause) {
        super(message, cause);
        this.category = category;
    }

    /** The failure without its stack, as it travels. */
    public Failure failure() {
        return new Failure(category, getMessage());
    }
}

package dev.lockstep.coordinator.cli;

/** Ends a command with one line for the user and an exit status. */
final class CommandException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final ExitStatus status;

    /**
     * Makes the end of a command.
     *
     * @param message the cause, then where to look or what to do; one line
     */
    CommandException(ExitStatus status, String message) {
        super(message);
        this.status = status;
    }

    CommandException(ExitStatus status, String message, Throwable cause) {
        super(message, cause);
        this.status = status;
    }

    ExitStatus status() {
        return status;
    }
}

package dev.lockstep.common.failure;

import java.util.concurrent.CompletionException;

/**
 * What went wrong.
 *
 * @param message one sentence: what, where, what to do
 */
public record Failure(FailureCategory category, String message) {
    /**
     * The failure behind what a future ended with: its own words when it is a {@link LockstepException}.
     *
     * @param otherwise the category of anything else
     * @param what what could not be done, said before the cause's own text
     */
    public static Failure of(Throwable thrown, FailureCategory otherwise, String what) {
        Throwable cause =
                thrown instanceof CompletionException && thrown.getCause() != null ? thrown.getCause() : thrown;
        return cause instanceof LockstepException known ? known.failure() : new Failure(otherwise, what + ": " + cause);
    }
}

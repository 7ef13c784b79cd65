package dev.lockstep.common.tensor;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;

/** The one line a user reads about a tensor file that cannot be used. */
final class Refusal {
    private static final int LONGEST_NAME = 120;
    private static final int LONGEST_LINE = 1000;

    private Refusal() {}

    static LockstepException of(Path file, String what) {
        return new LockstepException(FailureCategory.USAGE, oneLine(file + ": " + what));
    }

    static LockstepException of(Path file, String what, Throwable cause) {
        return new LockstepException(FailureCategory.USAGE, oneLine(file + ": " + what), cause);
    }

    /** The file is as it should be, but the machine did not do its part. */
    static LockstepException ofMachine(Path file, String what, Throwable cause) {
        return new LockstepException(FailureCategory.ENVIRONMENT, oneLine(file + ": " + what), cause);
    }

    /** A tensor's name in quotes. It comes from the file, so it may be of any length. */
    static String quoted(String name) {
        return "'" + (name.length() > LONGEST_NAME ? name.substring(0, LONGEST_NAME) + "..." : name) + "'";
    }

    /** Why the system refused, without the exception's class and the file's name where it has a better word. */
    static String reason(IOException failure) {
        if (failure instanceof AccessDeniedException) {
            return "permission denied";
        }
        if (failure instanceof FileSystemException refusal && refusal.getReason() != null) {
            return refusal.getReason();
        }
        return failure.toString();
    }

    /** What files say is quoted, may be long, and may hold line breaks or a terminal's control sequences. */
    private static String oneLine(String text) {
        String line = text.replaceAll("[\\p{Cntrl}\\u0080-\\u009f\\u2028\\u2029]", "?");
        return line.length() > LONGEST_LINE ? line.substring(0, LONGEST_LINE) + "..." : line;
    }
}

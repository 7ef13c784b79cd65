package dev.lockstep.coordinator.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.util.Locale;

/** Wording shared by the commands. */
final class Messages {
    private Messages() {}

    /** An exception in a few words, for the brackets of a sentence. */
    static String of(Exception exception) {
        if (exception instanceof NoSuchFileException) {
            return "no such file";
        }
        if (exception instanceof AccessDeniedException) {
            return "permission denied";
        }
        if (exception instanceof JsonProcessingException json) {
            return json.getOriginalMessage();
        }
        return exception.getMessage() == null ? exception.getClass().getSimpleName() : oneLine(exception.getMessage());
    }

    /** Text without its line breaks. */
    static String oneLine(String text) {
        return text.strip().replaceAll("\\s*\\R\\s*", " ");
    }

    /** Text as it goes on within a sentence. */
    static String uncapitalised(String text) {
        return text.substring(0, 1).toLowerCase(Locale.ROOT) + text.substring(1);
    }

    /** How errors look: one line that begins with the program's name. */
    static String error(String message) {
        return "lockstep: " + oneLine(message);
    }

    /** As in {@code 7.2 s}, {@code 3 min 20 s}, {@code 2 h 5 min}. */
    static String duration(Duration duration) {
        long seconds = duration.toSeconds();
        if (seconds < 60) {
            return String.format(Locale.ROOT, "%.1f s", duration.toMillis() / 1000.0);
        }
        if (seconds < 3600) {
            return "%d min %d s".formatted(seconds / 60, seconds % 60);
        }
        return "%d h %d min".formatted(seconds / 3600, seconds % 3600 / 60);
    }

    /** A count with its noun, as in {@code 1 device}, {@code 2 devices}. */
    static String count(long number, String noun) {
        return number + " " + noun + (number == 1 ? "" : "s");
    }
}

package dev.lockstep.coordinator.cli;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What the coordinators of a run folder have printed, one after the other.
 *
 * @param file where it is
 */
record CoordinatorLog(Path file) {
    /** How the coordinator begins the line that it prints for the user. */
    private static final String ERROR_PREFIX = "error: ";
    /** How it begins a line that says what it is doing. */
    private static final String PROGRESS_PREFIX = "progress: ";
    /** The end of a log is enough to find its last words. */
    private static final long MOST_BYTES = 1 << 20;

    /** Bytes that are there now. */
    long size() {
        return file.toFile().length();
    }

    /** The last sentence for the user that was printed beyond an offset. */
    Optional<String> errorSince(long offset) throws IOException {
        return lastSince(offset, ERROR_PREFIX);
    }

    /** What the coordinator last said it was doing, beyond an offset, for a start that takes long. */
    Optional<String> progressSince(long offset) {
        try {
            return lastSince(offset, PROGRESS_PREFIX);
        } catch (IOException e) {
            throw new CommandException(ExitStatus.ENVIRONMENT, "cannot read " + file + " (" + Messages.of(e) + ")", e);
        }
    }

    private Optional<String> lastSince(long offset, String prefix) throws IOException {
        return linesSince(offset).stream()
                .filter(line -> line.startsWith(prefix))
                .map(line -> line.substring(prefix.length()))
                .reduce((first, second) -> second);
    }

    /** Where to look, with the last line that was printed beyond an offset, for the end of a sentence. */
    String lastWordsSince(long offset) {
        try {
            return linesSince(offset).stream()
                    .filter(line -> !line.isBlank())
                    .reduce((first, second) -> second)
                    .map(line -> "see " + file + ", which ends with: " + line.strip())
                    .orElse("see " + file);
        } catch (IOException e) {
            return "its log cannot be read either (" + file + ", " + Messages.of(e) + ")";
        }
    }

    private List<String> linesSince(long offset) throws IOException {
        if (!Files.exists(file)) {
            return List.of();
        }
        try (RandomAccessFile log = new RandomAccessFile(file.toFile(), "r")) {
            long start = Math.max(offset, log.length() - MOST_BYTES);
            byte[] bytes = new byte[(int) Math.max(0, log.length() - start)];
            log.seek(start);
            log.readFully(bytes);
            return new String(bytes, StandardCharsets.UTF_8).lines().toList();
        }
    }
}

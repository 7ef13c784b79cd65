package dev.lockstep.coordinator.peers;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.coordinator.peers.PeerOutcome.Measured;
import dev.lockstep.coordinator.peers.PeerOutcome.NotMeasured;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;

/** Runs {@code deploy/python/lockstep_peer.py}, one process for each measurement. */
public final class PeerProgram {
    /** A step that takes longer has gone wrong: ranks that wait for each other, most likely. */
    private static final Duration LONGEST_SILENCE = Duration.ofMinutes(10);

    private static final Duration POLL = Duration.ofMillis(100);
    /** The program's own status for what PyTorch or the machine cannot do. */
    private static final int LACKING = 3;
    /** A status above is that of a signal, as shells count. */
    private static final int SIGNAL = 128;

    private static final Pattern OUT_OF_MEMORY =
            Pattern.compile("OutOfMemoryError|out of memory|can't allocate memory|MemoryError");
    /** PyTorch's side may come to say more than this version reads, but not less: what is missing must not be read as 0. */
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(
                    DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .build();

    private final Path script;
    private final BooleanSupplier cancelled;
    private final Duration longestSilence;

    /**
     * The program.
     *
     * @param home the install folder
     * @param cancelled asked now and then while a process runs: whether the user wants it to end
     */
    public PeerProgram(Path home, BooleanSupplier cancelled) {
        this(home.resolve("deploy/python/lockstep_peer.py"), cancelled, LONGEST_SILENCE);
    }

    PeerProgram(Path script, BooleanSupplier cancelled, Duration longestSilence) {
        this.script = script;
        this.cancelled = cancelled;
        this.longestSilence = longestSilence;
    }

    /**
     * Asks a Python what it has.
     *
     * @param python its path, or its name on the {@code PATH}
     * @throws LockstepException ENVIRONMENT saying in a few words why it will not do
     */
    public Python probe(String python) {
        try {
            Process process = new ProcessBuilder(python, script.toString(), "probe")
                    .redirectInput(Redirect.from(Path.of("/dev/null").toFile()))
                    .redirectErrorStream(true)
                    .start();
            String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int status = process.waitFor();
            if (status != 0) {
                throw lacking(lastLine(printed, "it ended with exit status " + status));
            }
            return MAPPER.readValue(lastLine(printed, ""), Python.class);
        } catch (JsonProcessingException e) {
            throw new LockstepException(FailureCategory.ENVIRONMENT, "it does not behave like a Python", e);
        } catch (IOException e) {
            throw new LockstepException(FailureCategory.ENVIRONMENT, whyNotStarted(python), e);
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    /** In the words of a user, where the system's are a number and a call. */
    private static String whyNotStarted(String python) {
        Path file = Path.of(python);
        if (!python.contains("/")) {
            return "it is not on the PATH";
        }
        if (!Files.exists(file)) {
            return "there is no such file";
        }
        return Files.isDirectory(file) || !Files.isExecutable(file)
                ? "it is not an executable file"
                : "it cannot be started";
    }

    /**
     * Has a Python measure.
     *
     * @param folder where the process's input, output and log are kept, which is made when it is missing
     * @param name of these files
     * @throws LockstepException CANCELLED if the user wants the end; ENVIRONMENT if the folder cannot be written
     */
    public PeerOutcome measure(Python python, PeerSpec spec, Path folder, String name) {
        Path input = folder.resolve(name + ".json");
        Path output = folder.resolve(name + ".out");
        Path log = folder.resolve(name + ".log");
        try {
            Files.createDirectories(folder);
            Files.write(input, MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(spec));
            Process process = new ProcessBuilder(python.executable(), script.toString(), "measure", input.toString())
                    .redirectInput(Redirect.from(Path.of("/dev/null").toFile()))
                    .redirectOutput(output.toFile())
                    .redirectError(log.toFile())
                    .start();
            try {
                return await(process, log)
                        ? outcome(process.exitValue(), name, output, log)
                        : notMeasured(
                                FailureCategory.TIMEOUT,
                                "%s did nothing for %d s and was ended: see %s"
                                        .formatted(name, longestSilence.toSeconds(), log));
            } finally {
                // Its other ranks end with it.
                process.destroyForcibly().waitFor();
                Files.deleteIfExists(folder.resolve(name + ".json.rendezvous"));
            }
        } catch (IOException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT, "cannot run " + name + " in " + folder + " (" + e + ")", e);
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    /** Waits for a process's end; false when it has not written to its log for too long. */
    private boolean await(Process process, Path log) throws IOException, InterruptedException {
        long size = -1;
        long lastWordNanos = System.nanoTime();
        while (!process.waitFor(POLL.toMillis(), TimeUnit.MILLISECONDS)) {
            requireNotCancelled();
            long now = Files.size(log);
            if (now != size) {
                size = now;
                lastWordNanos = System.nanoTime();
            } else if (System.nanoTime() - lastWordNanos > longestSilence.toNanos()) {
                return false;
            }
        }
        // Ctrl-C reaches the process too: its end then is no failure of its own.
        requireNotCancelled();
        return true;
    }

    private void requireNotCancelled() {
        if (cancelled.getAsBoolean()) {
            throw new LockstepException(FailureCategory.CANCELLED, "cancelled while PyTorch was running");
        }
    }

    private static PeerOutcome outcome(int status, String name, Path output, Path log) throws IOException {
        if (status == 0) {
            try {
                return new Measured(MAPPER.readValue(
                        lastLine(Files.readString(output, StandardCharsets.UTF_8), ""), PeerMeasurement.class));
            } catch (JsonProcessingException e) {
                return notMeasured(
                        FailureCategory.INTERNAL,
                        "%s printed what is no measurement: see %s and %s".formatted(name, output, log));
            }
        }
        String printed = Files.readString(log, StandardCharsets.UTF_8);
        String why = lastLine(printed, "it printed nothing");
        if (status == LACKING) {
            return new NotMeasured(
                    ResultStatus.SKIPPED,
                    new Failure(FailureCategory.ENVIRONMENT, "%s: %s; see %s".formatted(name, why, log)));
        }
        FailureCategory category =
                OUT_OF_MEMORY.matcher(printed).find() ? FailureCategory.OUT_OF_MEMORY : FailureCategory.WORKER_DIED;
        String end = status > SIGNAL ? "was ended by signal " + (status - SIGNAL) : "ended with exit status " + status;
        return notMeasured(category, "%s %s: %s; see %s".formatted(name, end, why, log));
    }

    private static NotMeasured notMeasured(FailureCategory category, String message) {
        return new NotMeasured(ResultStatus.FAILED, new Failure(category, message));
    }

    private static String lastLine(String text, String otherwise) {
        return text.lines()
                .filter(line -> !line.isBlank())
                .reduce((first, second) -> second)
                .map(String::strip)
                .orElse(otherwise);
    }

    private static LockstepException lacking(String why) {
        return new LockstepException(FailureCategory.ENVIRONMENT, why);
    }

    private static LockstepException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        return new LockstepException(FailureCategory.CANCELLED, "interrupted while PyTorch was running", e);
    }
}

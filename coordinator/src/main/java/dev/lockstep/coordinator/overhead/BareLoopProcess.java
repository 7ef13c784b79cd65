package dev.lockstep.coordinator.overhead;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.work.BareOrder;
import dev.lockstep.common.work.BareReport;
import dev.lockstep.common.work.BareSignal;
import dev.lockstep.coordinator.report.ReportJson;
import dev.lockstep.coordinator.workers.LogTail;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** The process of one bare training loop or of the reduce benchmark, from this side of its pipes. */
final class BareLoopProcess implements AutoCloseable {
    /** Stands for the end of its output. */
    private static final String END = "";

    private static final long LOOK_MILLIS = 200;
    private static final long END_SECONDS = 10;

    private final String what;
    private final Process process;
    private final Path log;
    private final BooleanSupplier cancelled;
    private final PrintWriter input;
    private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();

    private BareLoopProcess(String what, Process process, Path log, BooleanSupplier cancelled) {
        this.what = what;
        this.process = process;
        this.log = log;
        this.cancelled = cancelled;
        this.input = new PrintWriter(process.outputWriter(StandardCharsets.UTF_8), true);
        Thread reader = new Thread(this::readLines, what);
        reader.setDaemon(true);
        reader.start();
    }

    static BareLoopProcess start(String what, ProcessBuilder builder, Path log, BooleanSupplier cancelled) {
        try {
            Process process = builder.redirectError(log.toFile()).start();
            return new BareLoopProcess(what, process, log, cancelled);
        } catch (IOException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT, "the " + what + " could not be started: " + e.getMessage(), e);
        }
    }

    private void readLines() {
        try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                lines.add(line);
            }
        } catch (IOException e) {
            // The pipe broke with the process: its end tells more.
            lines.add(END);
        } finally {
            lines.add(END);
        }
    }

    long pid() {
        return process.pid();
    }

    void order(BareOrder order) {
        input.println(write(order));
    }

    void say(BareSignal signal) {
        input.println(signal.name());
    }

    void await(BareSignal signal, Duration limit) {
        String line = next(limit);
        if (!line.equals(signal.name())) {
            throw new LockstepException(
                    FailureCategory.INTERNAL, "the %s said %s, not %s".formatted(what, line, signal));
        }
    }

    /** The next line it says, as JSON. */
    JsonNode awaitJson(Duration limit) {
        String line = next(limit);
        try {
            return ReportJson.MAPPER.readTree(line);
        } catch (JsonProcessingException e) {
            throw new LockstepException(FailureCategory.INTERNAL, "the %s said %s, not JSON".formatted(what, line), e);
        }
    }

    /** Its report, where it comes within a moment. */
    Optional<BareReport> lookForReport() {
        return look().map(this::report);
    }

    private BareReport report(String line) {
        try {
            return ReportJson.MAPPER.readValue(line, BareReport.class);
        } catch (JsonProcessingException e) {
            throw new LockstepException(
                    FailureCategory.INTERNAL, "the %s said %s, not a report".formatted(what, line), e);
        }
    }

    private static String write(BareOrder order) {
        try {
            return ReportJson.MAPPER
                    .writer()
                    .without(SerializationFeature.INDENT_OUTPUT)
                    .writeValueAsString(order);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("an order has no JSON form", e);
        }
    }

    private String next(Duration limit) {
        long start = System.nanoTime();
        while (System.nanoTime() - start < limit.toNanos()) {
            Optional<String> line = look();
            if (line.isPresent()) {
                return line.get();
            }
        }
        throw new LockstepException(
                FailureCategory.TIMEOUT,
                "the %s has said nothing for %d s: see %s".formatted(what, limit.toSeconds(), log));
    }

    /** The next line, where it comes within a moment. */
    private Optional<String> look() {
        if (cancelled.getAsBoolean()) {
            throw new LockstepException(FailureCategory.CANCELLED, "cancelled while it was measured");
        }
        String line = poll();
        if (END.equals(line)) {
            throw ended();
        }
        return Optional.ofNullable(line);
    }

    private String poll() {
        try {
            return lines.poll(LOOK_MILLIS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LockstepException(FailureCategory.CANCELLED, "interrupted while it was measured", e);
        }
    }

    private LockstepException ended() {
        try {
            String exit = process.waitFor(END_SECONDS, TimeUnit.SECONDS)
                    ? "ended with exit code " + process.exitValue()
                    : "closed its output";
            List<String> words = LogTail.read(log, 0, 1);
            return new LockstepException(
                    FailureCategory.WORKER_DIED,
                    "the %s %s%s; see %s".formatted(what, exit, words.isEmpty() ? "" : ": " + words.get(0), log));
        } catch (IOException e) {
            return new LockstepException(
                    FailureCategory.WORKER_DIED, "the " + what + " ended, and its log is not there", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return new LockstepException(FailureCategory.CANCELLED, "interrupted while a process ended", e);
        }
    }

    /** Ends the process: it goes with its input, or else by force. */
    @Override
    public void close() {
        input.close();
        try {
            if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            process.destroyForcibly();
        }
    }
}

package dev.lockstep.coordinator.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** Runs the deploy scripts as a user does, in a run folder of the test's own. */
final class Scripts {
    private static final Duration LONGEST_COMMAND = Duration.ofMinutes(4);
    private static final Path HOME = Path.of("").toAbsolutePath().getParent();

    private static final List<String> MODULES = List.of("coordinator", "worker");

    private final Path home;
    private final Path runDir;

    Scripts(Path runDir) {
        this(HOME, runDir);
    }

    /** Runs the scripts of another install folder. */
    Scripts(Path home, Path runDir) {
        this.home = home;
        this.runDir = runDir;
    }

    /** Makes an install folder with scripts and settings of its own over what this build made, and returns it. */
    static Path installation(Path home) throws IOException {
        for (String part : List.of("deploy/bin", "deploy/conf")) {
            Path folder = Files.createDirectories(home.resolve(part));
            try (Stream<Path> files = Files.list(HOME.resolve(part))) {
                for (Path file : files.filter(Files::isRegularFile).toList()) {
                    Files.copy(file, folder.resolve(file.getFileName()), StandardCopyOption.COPY_ATTRIBUTES);
                }
            }
        }
        for (String module : MODULES) {
            Files.createSymbolicLink(home.resolve(module), HOME.resolve(module));
        }
        return home;
    }

    /** Parts an install folder from what this build made, before it is deleted. */
    static void unlink(Path home) throws IOException {
        for (String module : MODULES) {
            Files.deleteIfExists(home.resolve(module));
        }
    }

    /** What a command printed and how it ended. */
    record Outcome(int status, String output, String errors) {
        String all() {
            return output + errors;
        }
    }

    Outcome run(String script, String... arguments) throws IOException, InterruptedException {
        return run(Map.of(), script, arguments);
    }

    Outcome run(Map<String, String> environment, String script, String... arguments)
            throws IOException, InterruptedException {
        File output = Files.createTempFile(runDir.getParent(), "out", null).toFile();
        File errors = Files.createTempFile(runDir.getParent(), "err", null).toFile();
        Process process = builder(environment, script, arguments)
                .redirectOutput(output)
                .redirectError(errors)
                .start();
        process.getOutputStream().close();
        if (!process.waitFor(LONGEST_COMMAND.toSeconds(), TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError(script + " has not ended: " + Files.readString(output.toPath()));
        }
        return new Outcome(process.exitValue(), Files.readString(output.toPath()), Files.readString(errors.toPath()));
    }

    /** Starts a command and leaves it to the test. */
    Process start(String script, String... arguments) throws IOException {
        return builder(Map.of(), script, arguments)
                .redirectErrorStream(true)
                .redirectOutput(
                        Files.createTempFile(runDir.getParent(), "out", null).toFile())
                .start();
    }

    private ProcessBuilder builder(Map<String, String> environment, String script, String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(home.resolve("deploy/bin").resolve(script).toString());
        command.addAll(List.of(arguments));
        ProcessBuilder builder =
                new ProcessBuilder(command).directory(runDir.getParent().toFile());
        builder.environment().put("LOCKSTEP_RUN_DIR", runDir.toString());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().putAll(environment);
        return builder;
    }

    /** A command that cannot be done ends with its status and one line on standard error that says why. */
    static void assertRefused(int status, String what, Outcome outcome) {
        assertEquals(status, outcome.status(), outcome.all());
        assertTrue(outcome.errors().contains(what), outcome.all());
        assertEquals(1, outcome.errors().lines().count(), outcome.errors());
    }

    /** The report that a run wrote to the folder it was told. */
    static JsonNode report(Path folder) throws IOException {
        return new ObjectMapper().readTree(folder.resolve("report.json").toFile());
    }

    /** The coordinator's pid, as the endpoint file has it. */
    long coordinatorPid() throws IOException {
        return new ObjectMapper()
                .readTree(runDir.resolve("endpoint.json").toFile())
                .get("pid")
                .asLong();
    }

    /** Processes that belong to the run folder: the coordinator and its workers name it on their command lines. */
    List<ProcessHandle> processes() {
        return ProcessHandle.allProcesses()
                .filter(process -> process.info().arguments().stream()
                        .flatMap(Arrays::stream)
                        .anyMatch(argument -> argument.contains(runDir.toString())))
                .toList();
    }

    /** Waits for a condition, looking every 50 ms. */
    static boolean within(Duration limit, BooleanSupplier condition) throws InterruptedException {
        Instant deadline = Instant.now().plus(limit);
        while (!condition.getAsBoolean()) {
            if (Instant.now().isAfter(deadline)) {
                return false;
            }
            TimeUnit.MILLISECONDS.sleep(50);
        }
        return true;
    }
}

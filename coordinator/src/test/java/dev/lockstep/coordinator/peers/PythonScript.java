package dev.lockstep.coordinator.peers;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A script of {@code deploy/python}, run by a Python without its site, which finds none of what is installed for it. */
public record PythonScript(String name) {
    private static final Path FOLDER = Path.of("").toAbsolutePath().getParent().resolve("deploy/python");

    /** How it ended, and all that it printed. */
    public record Ended(int status, String output) {}

    /** Skips the test where there is no Python. */
    public static void requirePython() throws IOException, InterruptedException {
        assumeTrue(
                new ProcessBuilder("/bin/sh", "-c", "command -v python3")
                                .redirectErrorStream(true)
                                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                                .start()
                                .waitFor()
                        == 0,
                "no python3 on the PATH");
    }

    public Ended run(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(
                List.of("python3", "-I", "-S", FOLDER.resolve(name).toString()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(1, TimeUnit.MINUTES));
        return new Ended(process.exitValue(), output);
    }
}

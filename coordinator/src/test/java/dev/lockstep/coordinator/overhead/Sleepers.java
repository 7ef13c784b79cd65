package dev.lockstep.coordinator.overhead;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/** Processes that do nothing, to be stopped by a test. */
final class Sleepers implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final Map<Long, Process> processes = new HashMap<>();

    /** The id of a new one. */
    long start() throws IOException {
        Process process = new ProcessBuilder("sleep", "600").start();
        processes.put(process.pid(), process);
        return process.pid();
    }

    /** Ends one and waits for it. */
    void end(long pid) {
        processes.get(pid).destroyForcibly().onExit().join();
    }

    /** Asserts that a process stands still. */
    static void assertStandsStill(long pid) {
        assertTrue(comesTo(true, pid), "a process goes on");
    }

    /** Asserts that a process does not stand still. */
    static void assertGoesOn(long pid) {
        assertTrue(comesTo(false, pid), "a process stands still");
    }

    /** A signal that was sent has its effect only when the process is next on a processor. */
    private static boolean comesTo(boolean standsStill, long pid) {
        long start = System.nanoTime();
        while (System.nanoTime() - start < PATIENCE.toNanos()) {
            if (standsStill(pid) == standsStill) {
                return true;
            }
        }
        return false;
    }

    private static boolean standsStill(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            return stat.charAt(stat.lastIndexOf(')') + 2) == 'T';
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        processes.keySet().forEach(this::end);
    }
}

package dev.lockstep.coordinator.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A shell whose output is kept, whose clock runs only while a command waits, and whose Ctrl-C is a method. */
final class FakeShell {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final Shell shell;
    private Runnable onInterrupt = () -> {
        throw new AssertionError("nobody watches for Ctrl-C");
    };
    private boolean left;

    /** A shell in a folder whose cluster lives, or would live, in its sub-folder {@code run}. */
    FakeShell(Path folder) {
        this(folder, new VirtualTimer());
    }

    FakeShell(Path folder, Shell.Timer timer) {
        Interrupt interrupt = new Interrupt(handler -> onInterrupt = handler, () -> left = true);
        shell = new Shell(
                folder.resolve("home"),
                new RunDir(folder.resolve("run")),
                folder,
                false,
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                timer,
                interrupt);
    }

    Shell shell() {
        return shell;
    }

    int execute(String... arguments) {
        return Lockstep.execute(shell, arguments);
    }

    void pressControlC() {
        onInterrupt.run();
    }

    /** Whether the process would have been ended at once. */
    boolean left() {
        return left;
    }

    List<String> out() {
        return out.toString(StandardCharsets.UTF_8).lines().toList();
    }

    List<String> err() {
        return err.toString(StandardCharsets.UTF_8).lines().toList();
    }

    private static final class VirtualTimer implements Shell.Timer {
        private long nanos;

        @Override
        public void pause(Duration duration) {
            nanos += duration.toNanos();
        }

        @Override
        public long nanos() {
            return nanos;
        }
    }
}

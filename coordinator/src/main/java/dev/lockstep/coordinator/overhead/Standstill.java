package dev.lockstep.coordinator.overhead;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * Has processes stand still, in which state they use no processor at all, and go on. The signals come from a shell, which lets all of
 * them go on when its input ends: none stands still for longer than this process lives, whatever ends it.
 */
public final class Standstill implements AutoCloseable {
    /** Ctrl-C on a terminal reaches the shell too, and must not end it before its input does. */
    private static final String SCRIPT =
            """
            trap '' INT TERM HUP
            all=
            while read -r signal pids; do
              all="$all $pids"
              kill -s "$signal" $pids && echo done || echo failed
            done
            [ -z "$all" ] || kill -s CONT $all
            """;

    private static final long END_SECONDS = 10;

    private final Process shell;
    private final PrintWriter orders;
    private final BufferedReader answers;

    private Standstill(Process shell) {
        this.shell = shell;
        this.orders = new PrintWriter(shell.outputWriter(StandardCharsets.UTF_8), true);
        this.answers = shell.inputReader(StandardCharsets.UTF_8);
    }

    /**
     * Starts the shell.
     *
     * @throws LockstepException ENVIRONMENT if there is none
     */
    public static Standstill start() {
        try {
            return new Standstill(new ProcessBuilder("sh", "-c", SCRIPT)
                    // A process that has ended by the time of the last signal is no news.
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start());
        } catch (IOException e) {
            throw new LockstepException(FailureCategory.ENVIRONMENT, "sh could not be started: " + e.getMessage(), e);
        }
    }

    /**
     * Has processes stand still until they are to go on.
     *
     * @throws LockstepException WORKER_DIED if one is no longer there
     */
    public void stop(List<Long> pids) {
        send("STOP", pids);
    }

    /**
     * Has processes go on.
     *
     * @throws LockstepException WORKER_DIED if one is no longer there
     */
    public void goOn(List<Long> pids) {
        send("CONT", pids);
    }

    private void send(String signal, List<Long> pids) {
        String all = pids.stream().map(String::valueOf).collect(Collectors.joining(" "));
        orders.println(signal + " " + all);
        String answer;
        try {
            answer = answers.readLine();
        } catch (IOException e) {
            throw new LockstepException(
                    FailureCategory.INTERNAL, "the shell that sends signals broke: " + e.getMessage(), e);
        }
        if (!"done".equals(answer)) {
            throw new LockstepException(
                    FailureCategory.WORKER_DIED, "one of the processes " + all + " has ended and got no SIG" + signal);
        }
    }

    /** Lets all go on. */
    @Override
    public void close() {
        orders.close();
        try {
            if (!shell.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
                shell.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

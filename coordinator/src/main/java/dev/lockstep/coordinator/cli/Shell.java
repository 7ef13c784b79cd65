package dev.lockstep.coordinator.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;

/**
 * What a command finds around it.
 *
 * @param home the install folder
 * @param runDir the folder of the cluster
 * @param directory where the user stands; relative paths on the command line count from here
 * @param terminal whether {@code err} is a terminal, so that progress bars make sense
 * @param out results and plain progress
 * @param err error lines and progress bars
 */
record Shell(
        Path home,
        RunDir runDir,
        Path directory,
        boolean terminal,
        PrintStream out,
        PrintStream err,
        Timer timer,
        Interrupt interrupt) {

    /** A path of the command line. */
    Path absolute(Path path) {
        return directory.resolve(path).toAbsolutePath().normalize();
    }

    /** The same around another cluster. */
    Shell in(RunDir other) {
        return new Shell(home, other, directory, terminal, out, err, timer, interrupt);
    }

    /** Time as the commands see it. */
    interface Timer {
        /** Waits. */
        void pause(Duration duration);

        /** A clock that only goes forward, in nanoseconds. */
        long nanos();

        /** The system's. */
        static Timer system() {
            return new SystemTimer();
        }
    }

    /**
     * The real one, from the environment that {@code deploy/bin} sets.
     *
     * @throws CommandException if the environment lacks {@code LOCKSTEP_HOME}
     */
    static Shell ofProcess() {
        String home = System.getenv("LOCKSTEP_HOME");
        if (home == null) {
            throw new CommandException(
                    ExitStatus.ENVIRONMENT, "LOCKSTEP_HOME is not set: start Lockstep with the scripts in deploy/bin");
        }
        Path directory = Path.of("").toAbsolutePath();
        Path homePath = directory.resolve(home).normalize();
        String runDir = System.getenv("LOCKSTEP_RUN_DIR");
        Path runPath = runDir == null || runDir.isEmpty() ? homePath.resolve("run") : directory.resolve(runDir);
        return new Shell(
                homePath,
                new RunDir(runPath.normalize()),
                directory,
                "true".equals(System.getenv("LOCKSTEP_TERMINAL")),
                System.out,
                System.err,
                Timer.system(),
                Interrupt.ofProcess());
    }

    private static final class SystemTimer implements Timer {
        @Override
        public void pause(Duration duration) {
            try {
                Thread.sleep(duration.toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CommandException(ExitStatus.CANCELLED, "interrupted, nothing more was done", e);
            }
        }

        @Override
        public long nanos() {
            return System.nanoTime();
        }
    }
}

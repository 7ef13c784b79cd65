package dev.lockstep.coordinator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ExitGuardTest {
    private final List<String> undone = new ArrayList<>();

    @Test
    void shouldUndoOnce() {
        ExitGuard guard = ExitGuard.holding(() -> undone.add("it"));
        guard.undo();
        guard.undo();
        assertEquals(List.of("it"), undone);
    }

    @Test
    void shouldNotUndoWhatWasReleased() {
        ExitGuard guard = ExitGuard.holding(() -> undone.add("it"));
        guard.release();
        guard.undo();
        assertEquals(List.of(), undone);
    }

    @Test
    void shouldFinishUndoingWhenTheProcessIsToldToEndMeanwhile() throws Exception {
        assertEquals(List.of("begun", "done"), outputOf(EndsWhileUndoing.class));
    }

    @Test
    void shouldUndoWhenTheProcessEnds() throws Exception {
        assertEquals(List.of("done"), outputOf(EndsBefore.class));
    }

    private static List<String> outputOf(Class<?> program) throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        program.getName())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        List<String> lines = process.inputReader().lines().toList();
        assertEquals(130, process.waitFor());
        return lines;
    }

    /** Its exit comes from another thread, as with a signal, while the action is under way. */
    static final class EndsWhileUndoing {
        private EndsWhileUndoing() {}

        public static void main(String[] arguments) {
            ExitGuard guard = ExitGuard.holding(() -> {
                System.out.println("begun");
                Thread exit = new Thread(() -> System.exit(130));
                exit.start();
                while (exit.getState() == Thread.State.NEW || exit.getState() == Thread.State.RUNNABLE) {
                    Thread.onSpinWait();
                }
                System.out.println("done");
            });
            guard.undo();
        }
    }

    /** It exits before anything is undone. */
    static final class EndsBefore {
        private EndsBefore() {}

        public static void main(String[] arguments) {
            ExitGuard.holding(() -> System.out.println("done"));
            System.exit(130);
        }
    }
}

package dev.lockstep.common.threads;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** On a thread of its own, which ends with the test. */
@EnabledOnOs(OS.LINUX)
class ThreadAffinityTest {
    private final ExecutorService other = Executors.newSingleThreadExecutor();

    @AfterEach
    void end() {
        other.shutdownNow();
    }

    private <T> T there(Callable<T> task) throws Exception {
        return other.submit(task).get();
    }

    private static String allowed() throws IOException {
        return Files.readAllLines(Path.of("/proc/thread-self/status")).stream()
                .filter(line -> line.startsWith("Cpus_allowed_list:"))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst()
                .orElseThrow();
    }

    private static int firstAllowed() throws IOException {
        return Integer.parseInt(allowed().split("[,-]", -1)[0]);
    }

    @Test
    void shouldPinTheCallerAlone() throws Exception {
        String here = allowed();
        int first = firstAllowed();
        assertEquals(String.valueOf(first), there(() -> {
            ThreadAffinity.pinCaller(List.of(first));
            return allowed();
        }));
        assertEquals(here, allowed());
    }

    @Test
    void shouldPinAnotherThread() throws Exception {
        int thread = there(() -> Integer.valueOf(
                Path.of("/proc/thread-self").toRealPath().getFileName().toString()));
        int first = firstAllowed();
        ThreadAffinity.pin(thread, List.of(first));
        assertEquals(String.valueOf(first), there(ThreadAffinityTest::allowed));
    }

    @Test
    void shouldPassOverAThreadThatHasEnded() throws Exception {
        Process ended = new ProcessBuilder("true").start();
        ended.waitFor();
        ThreadAffinity.pin((int) ended.pid(), List.of(firstAllowed()));
    }

    @Test
    void shouldRefuseAProcessorThatIsNotThere() throws Exception {
        LockstepException refusal = assertThrows(
                LockstepException.class,
                () -> ThreadAffinity.pin((int) ProcessHandle.current().pid(), List.of(8000)));
        assertEquals(FailureCategory.ENVIRONMENT, refusal.failure().category());
        assertTrue(refusal.getMessage().contains("[8000]: error 22"), refusal.getMessage());
    }
}

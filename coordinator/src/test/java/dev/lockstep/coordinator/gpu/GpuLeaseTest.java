package dev.lockstep.coordinator.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The other cluster is a process of its own: within one, such locks do not hold. */
class GpuLeaseTest {
    @TempDir
    Path folder;

    /** Takes GPU 1, says so, and holds it until it is killed. */
    static final class OtherCluster {
        private OtherCluster() {}

        public static void main(String[] arguments) throws IOException {
            GpuLease lease = GpuLease.take(List.of(FakeNvml.gpu(1)), Path.of(arguments[0]), "pid 7, run folder /there");
            System.out.println("taken");
            System.out.println(System.in.read());
            lease.close();
        }
    }

    private Process otherCluster() throws IOException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        OtherCluster.class.getName(),
                        folder.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        process.inputReader().readLine();
        return process;
    }

    @Test
    void shouldKeepTwoClustersOffOneGpuUntilTheFirstEndsHoweverItEnds() throws IOException {
        Process other = otherCluster();
        try {
            LockstepException refusal = assertThrows(
                    LockstepException.class,
                    () -> GpuLease.take(List.of(FakeNvml.gpu(0), FakeNvml.gpu(1)), folder, "me"));
            assertEquals(FailureCategory.ENVIRONMENT, refusal.failure().category());
            assertEquals(
                    "GPU 1 (GPU-1-abc) is in use by another Lockstep cluster: pid 7, run folder /there: stop that one, or choose other GPUs with --devices",
                    refusal.getMessage());
            GpuLease.take(List.of(FakeNvml.gpu(0)), folder, "me").close();
        } finally {
            other.destroyForcibly().onExit().join();
        }
        GpuLease.take(List.of(FakeNvml.gpu(1)), folder, "me").close();
        assertEquals("me", Files.readString(folder.resolve("lockstep-GPU-1-abc.lock")));
    }

    @Test
    void shouldMakeFilesThatOtherUsersCanLock() throws IOException {
        GpuLease.take(List.of(FakeNvml.gpu(0)), folder, "me").close();
        assertEquals(
                "rw-rw-rw-",
                PosixFilePermissions.toString(
                        Files.getPosixFilePermissions(folder.resolve("lockstep-GPU-0-abc.lock"))));
    }

    @Test
    void shouldNotFollowALinkThatSomeoneLeft() throws IOException {
        Path victim = Files.writeString(folder.resolve("victim"), "precious");
        Files.createSymbolicLink(folder.resolve("lockstep-GPU-0-abc.lock"), victim);
        assertThrows(LockstepException.class, () -> GpuLease.take(List.of(FakeNvml.gpu(0)), folder, "me"));
        assertEquals("precious", Files.readString(victim));
    }
}

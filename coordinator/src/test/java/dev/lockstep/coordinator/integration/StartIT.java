package dev.lockstep.coordinator.integration;

import static dev.lockstep.coordinator.integration.Scripts.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lockstep.coordinator.gpu.GpuDriver;
import dev.lockstep.coordinator.gpu.NativeNvml;
import dev.lockstep.coordinator.integration.Scripts.Outcome;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Starts that cannot work end with one clear line, the right status and nothing running; the quick start does it all. */
class StartIT {
    @TempDir
    Path folder;

    private Scripts scripts;

    @BeforeEach
    void choose() {
        scripts = new Scripts(folder.resolve("run"));
    }

    @AfterEach
    void shouldLeaveNothingRunning() {
        List<ProcessHandle> left = scripts.processes();
        left.forEach(ProcessHandle::destroyForcibly);
        assertEquals(List.of(), left);
    }

    @Test
    void shouldSayThatNoClusterIsThere() throws IOException, InterruptedException {
        assertRefused(4, "no cluster is running", scripts.run("lockstep", "status"));
    }

    @Test
    void shouldRefusePortsThatAreTaken() throws IOException, InterruptedException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = String.valueOf(taken.getLocalPort());
            assertRefused(3, port, scripts.run("start-cluster", "--devices", "cpu:1", "--port", port));
            assertRefused(3, port, scripts.run("start-cluster", "--devices", "cpu:1", "--cluster-port", port));
        }
    }

    @Test
    void shouldRefuseDevicesThatAreNotThere() throws IOException, InterruptedException {
        assertRefused(2, "tpu:1", scripts.run("start-cluster", "--devices", "tpu:1"));
        assertRefused(2, "exclude each other", scripts.run("start-cluster", "--cuda", "--no-cuda"));
        assertRefused(2, "exclude each other", scripts.run("start-cluster", "--no-cuda", "--devices", "cuda:0"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"--devices=cuda:all", "--devices=cuda:0,2", "--cuda"})
    void shouldRefuseGpusWithoutADriverAtOnce(String option) throws IOException, InterruptedException {
        assumeTrue(NativeNvml.driver() instanceof GpuDriver.Absent, "this machine has no NVIDIA driver");
        Instant start = Instant.now();
        assertRefused(3, "CUDA devices need an NVIDIA GPU and its driver", scripts.run("start-cluster", option));
        Duration taken = Duration.between(start, Instant.now());
        assertTrue(
                taken.compareTo(Duration.ofSeconds(30)) < 0,
                "nothing is fetched or unpacked first, but it took " + taken);
    }

    @Test
    void shouldRefuseAMissingAndAnOldJava() throws IOException, InterruptedException {
        Path missing = folder.resolve("no-jdk");
        assertRefused(
                3, missing.toString(), scripts.run(Map.of("JAVA_HOME", missing.toString()), "lockstep", "status"));

        Path old = Files.createDirectories(folder.resolve("old-jdk/bin")).getParent();
        Files.writeString(old.resolve("release"), "JAVA_VERSION=\"11.0.2\"\n");
        Files.createFile(
                old.resolve("bin/java"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        assertRefused(3, "version 11", scripts.run(Map.of("JAVA_HOME", old.toString()), "lockstep", "status"));
    }

    @Test
    void shouldDoItAllInTheQuickStart() throws IOException, InterruptedException {
        Path report = folder.resolve("report");
        Outcome quickstart = scripts.run(
                "quickstart",
                "--model",
                "tiny",
                "--image-size",
                "32",
                "--batch-per-device",
                "2",
                "--steps",
                "3",
                "--warmup",
                "1",
                "--output",
                report.toString());
        assertEquals(0, quickstart.status(), quickstart.all());
        assertTrue(quickstart.output().contains(report.toString()), quickstart.all());
        assertTrue(Scripts.report(report).get("results").size() >= 2);
        String note = Scripts.report(report).get("run").get("notes").get(0).asText();
        assertTrue(note.startsWith("Verified on "), note);
    }
}

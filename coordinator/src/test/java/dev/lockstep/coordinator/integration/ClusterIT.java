package dev.lockstep.coordinator.integration;

import static dev.lockstep.coordinator.integration.Scripts.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.coordinator.integration.Scripts.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer.OrderAnnotation;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** One real cluster of four CPU devices, used as a user would: by the deploy scripts. Later tests find it as earlier ones left it. */
@TestMethodOrder(OrderAnnotation.class)
class ClusterIT {
    private static final String[] TINY = {"run", "--model", "tiny", "--image-size", "32", "--precision", "fp32"};
    /** Of a run that is over at once. */
    private static final String[] SHORT = {"--steps", "6", "--warmup", "1", "--warmup-limit", "1", "--dropout", "0"};
    /** A run that goes on until it is ended. */
    private static final String[] ENDLESS = {
        "run", "--model", "tiny", "--image-size", "96", "--precision", "fp32", "--steps", "100000", "--warmup", "0"
    };

    /** More than Java takes for itself in 2000 steps of a new process, and less than a leak of 64 KiB a step. */
    private static final double MOST_GROWN_MIB = 64;

    @TempDir
    static Path folder;

    private static Scripts scripts;

    @BeforeAll
    static void start() throws IOException, InterruptedException {
        scripts = new Scripts(folder.resolve("run folder"));
        Outcome started = scripts.run("start-cluster", "--devices", "cpu:4");
        assertEquals(0, started.status(), started.all());
    }

    @AfterAll
    static void stop() throws IOException, InterruptedException {
        scripts.run("stop-cluster");
        List<ProcessHandle> left = scripts.processes();
        left.forEach(ProcessHandle::destroyForcibly);
        assertEquals(List.of(), left, "a test left processes behind");
    }

    private static Outcome runTiny(String... options) throws IOException, InterruptedException {
        return scripts.run("lockstep", concat(concat(TINY, SHORT), options));
    }

    private static String[] endless(String... options) {
        return concat(ENDLESS, options);
    }

    private static String[] concat(String[] first, String[] second) {
        return Stream.concat(Arrays.stream(first), Arrays.stream(second)).toArray(String[]::new);
    }

    @Test
    @Order(1)
    void shouldMeasureOneAndTwoDevices() throws IOException, InterruptedException {
        Path report = folder.resolve("report");
        Outcome run = runTiny("--devices", "1,2", "--batch-per-device", "4", "--output", report.toString());
        assertEquals(0, run.status(), run.all());

        JsonNode json = Scripts.report(report);
        assertEquals("lockstep.report/1", json.get("schema").asText());
        assertEquals("completed", json.get("run").get("status").asText());
        assertEquals(2, json.get("results").size());
        for (JsonNode result : json.get("results")) {
            assertEquals("ok", result.get("status").asText());
            assertTrue(result.get("imagesPerSecond").asDouble() > 0);
            assertTrue(result.get("speedup").asDouble() > 0);
            assertEquals(6, result.get("samplesMillis").size());
            double mean = result.get("stepMillis").get("mean").asDouble();
            double phases = 0;
            for (JsonNode phase : result.get("phaseMillis")) {
                assertTrue(phase.asDouble() >= 0, result.get("phaseMillis")::toString);
                phases += phase.asDouble();
            }
            assertEquals(mean, phases, 0.05 * mean);
            assertTrue(result.get("finalLoss").asDouble() > 0);
        }
        assertTrue(Files.readString(report.resolve("report.md")).contains("Throughput"));
        assertTrue(Files.size(report.resolve("plots/throughput.png")) > 0);
    }

    @Test
    @Order(2)
    void shouldScatterAsDataParallelDoes() throws IOException, InterruptedException {
        assertEquals("[3,3,3,1]", chunks("10"));
        assertEquals("[2,2,1]", chunks("5"));
    }

    private static String chunks(String globalBatch) throws IOException, InterruptedException {
        Path report = folder.resolve("chunks-" + globalBatch);
        Outcome run = runTiny("--devices", "4", "--global-batch", globalBatch, "--output", report.toString());
        assertEquals(0, run.status(), run.all());
        JsonNode result = Scripts.report(report).get("results").get(0);
        assertEquals("ok", result.get("status").asText());
        assertEquals(4, result.get("waitMillis").get("perDevice").size());
        assertEquals(Integer.parseInt(globalBatch), result.get("imagesPerStep").asInt());
        return result.get("chunks").toString();
    }

    @Test
    @Order(3)
    void shouldRepeatItselfBitForBit() throws IOException, InterruptedException {
        Path first = folder.resolve("first");
        Path second = folder.resolve("second");
        for (Path report : List.of(first, second)) {
            Outcome run = runTiny("--devices", "2", "--batch-per-device", "3", "--output", report.toString());
            assertEquals(0, run.status(), run.all());
        }
        JsonNode a = Scripts.report(first).get("results").get(0);
        JsonNode b = Scripts.report(second).get("results").get(0);
        assertEquals(a.get("parameterChecksum"), b.get("parameterChecksum"));
        assertEquals(a.get("finalLoss"), b.get("finalLoss"));
    }

    /** A leak would have 1800 steps more to grow in; what Java compiles meanwhile takes some 25 MiB. */
    @Test
    @Order(4)
    void shouldKeepItsMemoryOver2000Steps() throws IOException, InterruptedException {
        List<Double> few = peaksMiB(200);
        double coordinatorMiB = residentMiB(scripts.coordinatorPid());
        List<Double> many = peaksMiB(2000);
        double coordinatorGrownMiB = residentMiB(scripts.coordinatorPid()) - coordinatorMiB;
        for (int rank = 0; rank < few.size(); rank++) {
            assertTrue(many.get(rank) - few.get(rank) < MOST_GROWN_MIB, few + " MiB became " + many);
        }
        assertTrue(coordinatorGrownMiB < MOST_GROWN_MIB, "the coordinator grew by " + coordinatorGrownMiB + " MiB");
    }

    /** Peak resident memory of each of two replicas. */
    private static List<Double> peaksMiB(int steps) throws IOException, InterruptedException {
        Path report = folder.resolve("steps-" + steps);
        String[] options = {
            "--devices", "2", "--batch-per-device", "4", "--steps", String.valueOf(steps), "--output", report.toString()
        };
        Outcome run = scripts.run("lockstep", concat(TINY, options));
        assertEquals(0, run.status(), run.all());
        JsonNode result = Scripts.report(report).get("results").get(0);
        assertEquals(steps, result.get("samplesMillis").size());
        JsonNode peaks = result.get("memoryMiB").get("perDevice");
        return List.of(peaks.get(0).asDouble(), peaks.get(1).asDouble());
    }

    private static double residentMiB(long pid) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToDouble(line -> Double.parseDouble(line.replaceAll("[^0-9]", "")) / 1024)
                .findFirst()
                .orElseThrow();
    }

    @Test
    @Order(5)
    void shouldRefuseBadInputWithOneLineAndTheRightStatus() throws IOException, InterruptedException {
        assertRefused(3, "the cluster has 4", runTiny("--devices", "8"));
        assertRefused(2, "at least 1", runTiny("--batch-per-device", "0"));
        assertRefused(2, "fp8", scripts.run("lockstep", "run", "--precision", "fp8"));
        assertRefused(2, "ring", runTiny("--strategy", "ring"));
        Path plan = folder.resolve("plan.conf");
        Files.writeString(plan, "devices = [1\nsteps = }");
        assertRefused(2, "plan.conf", runTiny("--plan", plan.toString()));
        assertRefused(
                2,
                "missing.conf",
                runTiny("--plan", folder.resolve("missing.conf").toString()));
        Path empty = Files.createDirectories(folder.resolve("empty"));
        assertRefused(2, empty.toString(), runTiny("--data", "imagefolder:" + empty));
        Path broken = Files.createDirectories(folder.resolve("photos/class"));
        Files.write(broken.resolve("broken.jpg"), new byte[] {(byte) 0xff, (byte) 0xd8, (byte) 0xff, 0, 1, 2});
        assertRefused(2, "broken.jpg", runTiny("--data", "imagefolder:" + broken.getParent()));
        assertRefused(3, "already running", scripts.run("start-cluster", "--devices", "cpu:1"));
    }

    @Test
    @Order(6)
    void shouldSurviveTheDeathOfAWorker() throws IOException, InterruptedException {
        Path report = folder.resolve("death");
        Process run = scripts.start(
                "lockstep", endless("--devices", "2", "--batch-per-device", "64", "--output", report.toString()));
        String runs = awaitMeasuring();
        String pid = scripts.run("lockstep", "devices")
                .output()
                .lines()
                .filter(line -> line.startsWith("cpu:1 "))
                .map(line -> line.split("\\s+", -1)[5])
                .findFirst()
                .orElseThrow(() -> new AssertionError(runs));
        ProcessHandle.of(Long.parseLong(pid)).orElseThrow().destroyForcibly();
        assertTrue(Scripts.within(Duration.ofSeconds(15), () -> !run.isAlive()), "the run goes on without its worker");
        assertEquals(1, run.exitValue());
        JsonNode result = Scripts.report(report).get("results").get(0);
        assertEquals("failed", result.get("status").asText());
        assertEquals("worker-died", result.get("error").get("category").asText());
        String message = result.get("error").get("message").asText();
        assertTrue(message.contains("worker cpu:1 (pid " + pid + ") ended with exit code 137"), message);
        assertTrue(message.contains("worker for cpu:1"), "the last lines of its log: " + message);

        Outcome next = runTiny("--devices", "2", "--batch-per-device", "2");
        assertEquals(0, next.status(), next.all());
    }

    private static String awaitMeasuring() throws IOException, InterruptedException {
        String[] seen = {""};
        boolean measuring = Scripts.within(Duration.ofSeconds(60), () -> {
            try {
                seen[0] = scripts.run("lockstep", "status").output();
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
            return seen[0].contains("measuring");
        });
        assertTrue(measuring, seen[0]);
        return seen[0];
    }

    @Test
    @Order(7)
    void shouldCancelARunAndKeepItsReport() throws IOException, InterruptedException {
        Path report = folder.resolve("cancelled");
        Outcome detached =
                scripts.run("lockstep", endless("--detach", "--devices", "1,2", "--output", report.toString()));
        assertEquals(0, detached.status(), detached.all());
        String id = detached.output().strip().lines().reduce("", (before, line) -> line);
        awaitMeasuring();
        Outcome cancelled = scripts.run("lockstep", "cancel", id);
        assertEquals(0, cancelled.status(), cancelled.all());
        Outcome attached = scripts.run("lockstep", "attach", id);
        assertEquals(130, attached.status(), attached.all());
        JsonNode json = Scripts.report(report);
        assertEquals("cancelled", json.get("run").get("status").asText());
        assertEquals("cancelled", json.get("results").get(0).get("status").asText());
        assertEquals("cancelled", json.get("results").get(1).get("status").asText());
    }

    @Test
    @Order(8)
    void shouldLeaveNothingWhenTheCoordinatorIsKilled() throws IOException, InterruptedException {
        Process run = scripts.start("lockstep", endless("--devices", "2", "--batch-per-device", "64"));
        awaitMeasuring();
        assertFalse(scripts.processes().isEmpty());
        ProcessHandle.of(scripts.coordinatorPid()).orElseThrow().destroyForcibly();
        assertTrue(
                Scripts.within(Duration.ofSeconds(5), () -> scripts.processes().isEmpty()),
                () -> "still there: " + scripts.processes());
        assertTrue(Scripts.within(Duration.ofSeconds(10), () -> !run.isAlive()), "the command line waits for nobody");
        assertEquals(4, run.exitValue());
        assertRefused(4, "no cluster is running", runTiny());

        Outcome restarted = scripts.run("start-cluster", "--devices", "cpu:1");
        assertEquals(0, restarted.status(), restarted.all());
        Outcome next = runTiny();
        assertEquals(0, next.status(), next.all());
        Outcome stopped = scripts.run("stop-cluster");
        assertEquals(0, stopped.status(), stopped.all());
        assertEquals(List.of(), scripts.processes());
        assertNotEquals(0, scripts.run("lockstep", "devices").status());
    }
}

package dev.lockstep.coordinator.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.coordinator.integration.Scripts.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer.OrderAnnotation;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** Rounds and batches on a real cluster of two CPU devices, whose settings give it little memory. */
@TestMethodOrder(OrderAnnotation.class)
class BatchIT {
    private static final double LIMIT_MIB = 1200;
    /** The part of the limit that a search may fill. */
    private static final double SEARCH_MIB = 0.9 * LIMIT_MIB;

    @TempDir
    static Path folder;

    private static Scripts scripts;

    @BeforeAll
    static void start() throws IOException, InterruptedException {
        Path home = Scripts.installation(folder.resolve("install"));
        Files.writeString(home.resolve("deploy/conf/lockstep.conf"), "lockstep.memory-limit = 1200 MiB");
        scripts = new Scripts(home, folder.resolve("run"));
        Outcome started = scripts.run("start-cluster", "--devices", "cpu:2");
        assertEquals(0, started.status(), started.all());
    }

    @AfterAll
    static void stop() throws IOException, InterruptedException {
        scripts.run("stop-cluster");
        List<ProcessHandle> left = scripts.processes();
        left.forEach(ProcessHandle::destroyForcibly);
        Scripts.unlink(folder.resolve("install"));
        assertEquals(List.of(), left, "a test left processes behind");
    }

    private static Outcome run(String... options) throws IOException, InterruptedException {
        Stream<String> fixed = Stream.of(
                "run",
                "--model",
                "tiny",
                "--image-size",
                "64",
                "--precision",
                "fp32",
                "--steps",
                "3",
                "--warmup",
                "1",
                "--warmup-limit",
                "1",
                "--dropout",
                "0");
        return scripts.run("lockstep", Stream.concat(fixed, Stream.of(options)).toArray(String[]::new));
    }

    /**
     * A real failed allocation: the estimate would let it pass, the kernel does not. It comes first, when the worker holds nothing of
     * earlier batches: between what it may take more while it rests (its heap, its compilers) and what the batch takes, the limit then
     * lies with some hundred MiB to either side.
     */
    @Test
    @Order(1)
    void shouldSurviveAWorkerThatRunsOutOfMemory() throws IOException, InterruptedException {
        long worker = pid();
        limitData(worker, Long.toString(dataBytes(worker) + (300L << 20)));
        Path report = folder.resolve("out-of-memory");
        Outcome run = run("--devices", "1", "--batch-per-device", "900,4", "--output", report.toString());
        assertEquals(1, run.status(), run.all());
        JsonNode results = Scripts.report(report).get("results");
        assertEquals("failed", results.get(0).get("status").asText(), results.get(0)::toString);
        assertEquals(
                "out-of-memory", results.get(0).get("error").get("category").asText(), results.get(0)::toString);
        assertTrue(
                results.get(0)
                                .get("provenance")
                                .get("misfits")
                                .get(0)
                                .get("neededMiB")
                                .asDouble()
                        < LIMIT_MIB,
                results.get(0)::toString);
        assertEquals("ok", results.get(1).get("status").asText(), results.get(1)::toString);
        limitData(pid(), "unlimited");
    }

    @Test
    @Order(2)
    void shouldMeasureInRoundsThereAndBack() throws IOException, InterruptedException {
        Path report = folder.resolve("rounds");
        Outcome run =
                run("--devices", "1,2", "--batch-per-device", "2,4", "--rounds", "2", "--output", report.toString());
        assertEquals(0, run.status(), run.all());
        assertTrue(run.output().contains("batch 4+4, round 2 of 2"), run.output());
        JsonNode json = Scripts.report(report);
        assertEquals("completed", json.get("run").get("status").asText());
        List<String> ids = new ArrayList<>();
        List<String> starts = new ArrayList<>();
        for (JsonNode result : json.get("results")) {
            ids.add(result.get("id").asText());
            assertEquals(6, result.get("samplesMillis").size());
            JsonNode provenance = result.get("provenance");
            assertEquals(2, provenance.get("rounds").size());
            starts.add(provenance.get("rounds").get(0).get("startedAt").asText());
            starts.add(provenance.get("rounds").get(1).get("startedAt").asText());
            assertEquals(
                    "data-parallel-fp32-1x" + result.get("batchPerDevice").asInt(),
                    provenance.get("baseline").asText());
            double product = 1;
            for (JsonNode round : provenance.get("rounds")) {
                product *= round.get("speedup").asDouble();
            }
            assertEquals(Math.sqrt(product), result.get("speedup").asDouble(), 1e-9);
        }
        assertEquals(
                List.of(
                        "data-parallel-fp32-1x2",
                        "data-parallel-fp32-1x4",
                        "data-parallel-fp32-2x2",
                        "data-parallel-fp32-2x4"),
                ids);
        List<String> inTime = starts.stream().sorted().toList();
        List<Integer> places = starts.stream().map(inTime::indexOf).toList();
        assertEquals(List.of(0, 7, 1, 6, 2, 5, 3, 4), places, "first and second round of each configuration");
    }

    @Test
    @Order(3)
    void shouldFindTheLargestBatchThatFitsBothDevices() throws IOException, InterruptedException {
        Path report = folder.resolve("max");
        Outcome run = run("--devices", "1,2", "--batch-per-device", "max", "--output", report.toString());
        assertEquals(0, run.status(), run.all());
        JsonNode json = Scripts.report(report);
        JsonNode sweep = json.get("batchSweeps").get(0);
        assertEquals(2, sweep.get("deviceCount").asInt());
        int largest = sweep.get("largestBatchPerDevice").asInt();
        assertTrue(largest >= 8, sweep::toString);
        int leastMisfit = Integer.MAX_VALUE;
        for (JsonNode tried : sweep.get("tries")) {
            int batch = tried.get("batchPerDevice").asInt();
            assertEquals(SEARCH_MIB, tried.get("availableMiB").asDouble(), 0.5);
            assertEquals(
                    tried.get("neededMiB").asDouble() <= SEARCH_MIB,
                    tried.get("fits").asBoolean(),
                    tried::toString);
            assertEquals(
                    tried.get("fits").asBoolean(), tried.get("imagesPerSecond").asDouble() > 0);
            assertEquals(tried.get("fits").asBoolean(), batch <= largest, sweep::toString);
            if (!tried.get("fits").asBoolean()) {
                leastMisfit = Math.min(leastMisfit, batch);
            }
        }
        assertTrue(leastMisfit - largest <= largest / 8, sweep::toString);
        assertEquals(2, json.get("results").size());
        for (JsonNode result : json.get("results")) {
            assertEquals("ok", result.get("status").asText());
            assertEquals(largest, result.get("batchPerDevice").asInt());
            assertTrue(result.get("speedup").asDouble() > 0);
        }
        assertTrue(run.output().contains("The largest batch per device that fits"), run.output());
    }

    @Test
    @Order(4)
    void shouldHalveOnlyWhenAsked() throws IOException, InterruptedException {
        Path skipped = folder.resolve("skipped");
        Outcome run = run("--devices", "2,1", "--batch-per-device", "2048,4", "--output", skipped.toString());
        assertEquals(1, run.status(), run.all());
        JsonNode results = Scripts.report(skipped).get("results");
        assertEquals("skipped", results.get(0).get("status").asText());
        assertEquals(
                "not-enough-memory", results.get(0).get("error").get("category").asText());
        JsonNode misfit = results.get(0).get("provenance").get("misfits").get(0);
        assertEquals(LIMIT_MIB, misfit.get("availableMiB").asDouble());
        assertTrue(misfit.get("neededMiB").asDouble() > LIMIT_MIB, misfit::toString);
        assertTrue(misfit.get("totalMiB").asDouble() > LIMIT_MIB, misfit::toString);
        assertEquals("ok", results.get(1).get("status").asText(), results.get(1)::toString);

        Path halved = folder.resolve("halved");
        Outcome halving = run(
                "--devices",
                "2",
                "--batch-per-device",
                "2048",
                "--on-out-of-memory",
                "halve",
                "--output",
                halved.toString());
        assertEquals(0, halving.status(), halving.all());
        JsonNode result = Scripts.report(halved).get("results").get(0);
        assertEquals("ok", result.get("status").asText());
        int batch = result.get("batchPerDevice").asInt();
        assertTrue(batch < 2048, result::toString);
        assertEquals(
                "data-parallel-fp32-2x2048-halved-" + batch, result.get("id").asText());
        JsonNode provenance = result.get("provenance");
        assertEquals(2048, provenance.get("halvedFrom").get("batchPerDevice").asInt());
        assertEquals(2048, batch << provenance.get("misfits").size());
        assertTrue(Files.readString(halved.resolve("report.md")).contains("was asked for with 2048 images per device"));
    }

    /** Sets the soft limit only, so that it can be lifted again. */
    private static void limitData(long pid, String limit) throws IOException, InterruptedException {
        Process limited = new ProcessBuilder("prlimit", "--pid", Long.toString(pid), "--data=" + limit + ":")
                .inheritIO()
                .start();
        assertEquals(0, limited.waitFor());
    }

    private static long pid() throws IOException, InterruptedException {
        return scripts.run("lockstep", "devices")
                .output()
                .lines()
                .filter(line -> line.startsWith("cpu:0 "))
                .map(line -> Long.parseLong(line.split("\\s+", -1)[5]))
                .findFirst()
                .orElseThrow();
    }

    /** What the kernel counts against a process's limit of data. */
    private static long dataBytes(long pid) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
                .filter(line -> line.startsWith("VmData:"))
                .map(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024)
                .findFirst()
                .orElseThrow();
    }
}

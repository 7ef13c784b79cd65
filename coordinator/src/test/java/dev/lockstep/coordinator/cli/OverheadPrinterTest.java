package dev.lockstep.coordinator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.report.Result.StepMillis;
import dev.lockstep.coordinator.overhead.Comparison;
import dev.lockstep.coordinator.overhead.Contender;
import dev.lockstep.coordinator.overhead.EmptyStep;
import dev.lockstep.coordinator.overhead.OverheadReport;
import dev.lockstep.coordinator.overhead.Throughput;
import dev.lockstep.coordinator.settings.RunSetting;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OverheadPrinterTest {
    @TempDir
    Path folder;

    private static OverheadReport report() {
        Plan plan = OverheadOrder.of(Map.of(RunSetting.STRATEGY, "all-reduce"), false, null, null, null, null)
                .plan();
        List<Comparison> training = Contender.of(plan).stream()
                .map(contender -> Comparison.of(
                        contender,
                        List.of(Comparison.Round.of(
                                new Throughput(
                                        10 * contender.devices(),
                                        9.9 * contender.devices(),
                                        List.of(List.of(1600.0)),
                                        1,
                                        null),
                                new Throughput(
                                        9.876 * contender.devices(),
                                        9.876 * contender.devices(),
                                        List.of(List.of(1620.0)),
                                        2,
                                        0.0123)))))
                .toList();
        EmptyStep empty = new EmptyStep(
                2, false, plan.strategies().get(0), 2000, new StepMillis(0.42, 0.41, 0.3, 0.6, 1.25, 0.1, 0.2, 3.5));
        return OverheadReport.of(
                Instant.EPOCH, null, plan, 1, 12, training, List.of(empty), null, List.of("reduce: no shared memory"));
    }

    private static List<String> printed(OverheadReport report) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        OverheadPrinter.print(new PrintStream(out, true, StandardCharsets.UTF_8), report);
        return out.toString(StandardCharsets.UTF_8)
                .lines()
                .map(line -> line.replaceAll(" {2,}", "|"))
                .toList();
    }

    @Test
    void shouldPrintRatiosAndVerdicts() {
        List<String> lines = printed(report());

        assertTrue(lines.contains("1 device|9.88|10.00|0.988|0.988|0.988|-|-"), lines::toString);
        assertTrue(lines.contains("2 devices, all-reduce|19.75|20.00|0.988|0.988|0.988|0.998|0.012"), lines::toString);
        assertTrue(lines.contains("2 workers|off|0.410|0.600|1.250|3.500"), lines::toString);
        assertTrue(lines.contains("Lockstep over bare, 1 device|0.988|at least 0.99|missed"), lines::toString);
        assertTrue(
                lines.contains("Lockstep over bare, 2 devices, all-reduce|0.988|at least 0.97|met"), lines::toString);
        assertTrue(
                lines.contains("Lockstep over bare, 2 devices, data-parallel|-|at least 0.97|not measured"),
                lines::toString);
        assertTrue(lines.contains("replicate ms|0.012|at most 1.0|met"), lines::toString);
        assertFalse(report().meetsAllTargets());
    }

    @Test
    void shouldWriteEveryFigureAndNullForWhatHasNone() throws IOException {
        Path file = folder.resolve("new/overhead.json");
        report().write(file);

        JsonNode json = new ObjectMapper().readTree(file.toFile());
        assertEquals("lockstep.overhead/2", json.get("schema").asText());
        assertEquals("1970-01-01T00:00:00Z", json.get("startedAt").asText());
        assertEquals("fp32", json.at("/plan/precisions/0").asText());
        JsonNode two = json.at("/training/1");
        assertEquals("all-reduce", two.get("strategy").asText());
        assertEquals(0.9876, two.at("/ratio/median").asDouble(), 1e-9);
        assertEquals(9.876 / 9.9, two.at("/inStepRatio/median").asDouble(), 1e-9);
        assertEquals(1600.0, two.at("/rounds/0/bare/samplesMillis/0/0").asDouble());
        assertTrue(two.at("/rounds/0/bare/replicateMillis").isNull());
        assertEquals(0.0123, two.at("/rounds/0/lockstep/replicateMillis").asDouble());
        assertEquals(2, two.at("/rounds/0/lockstep/interrupted").asInt());
        assertEquals(12, json.get("turnSeconds").asInt());
        assertEquals(1.25, json.at("/emptySteps/0/stepMillis/p99").asDouble());
        assertTrue(json.get("reduce").isNull());
        assertEquals("at-least", json.at("/targets/0/bound").asText());
        assertFalse(json.at("/targets/0/met").asBoolean());
        assertTrue(json.at("/targets/1/met").isNull());
        assertEquals("reduce: no shared memory", json.at("/failures/0").asText());
    }
}

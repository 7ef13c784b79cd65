package dev.lockstep.coordinator.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.coordinator.integration.Scripts.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The overhead of a real cluster over real bare loops, with the small model. */
class OverheadIT {
    /** Enough for some turns of a second. */
    private static final int STEPS = 500;

    @TempDir
    Path folder;

    private Scripts scripts;

    @AfterEach
    void shouldLeaveNothingRunning() {
        List<ProcessHandle> left = scripts.processes();
        left.forEach(ProcessHandle::destroyForcibly);
        assertEquals(List.of(), left);
    }

    @Test
    void shouldMeasureAllThereIs() throws IOException, InterruptedException {
        scripts = new Scripts(folder.resolve("run"));
        Path file = folder.resolve("overhead.json");

        Outcome outcome = scripts.run(
                "lockstep",
                "overhead",
                "--quick",
                "--model",
                "tiny",
                "--image-size",
                "32",
                "--rounds",
                "1",
                "--turn",
                "1",
                "--steps",
                String.valueOf(STEPS),
                "--output",
                file.toString());

        assertEquals(0, outcome.status(), outcome.all());
        JsonNode json = new ObjectMapper().readTree(file.toFile());
        assertEquals(0, json.get("failures").size(), outcome.all());
        assertEquals(3, json.get("training").size(), outcome.all());
        int interrupted = 0;
        for (JsonNode comparison : json.get("training")) {
            assertEquals(1, comparison.get("rounds").size());
            JsonNode round = comparison.at("/rounds/0");
            assertTrue(round.get("ratio").asDouble() > 0, round::toString);
            interrupted +=
                    interrupted(round.get("bare"), comparison.get("devices").asInt())
                            + interrupted(round.get("lockstep"), 1);
        }
        assertTrue(interrupted > 0, "no side ever stood still within its steps");
        assertEquals(4, json.get("emptySteps").size(), outcome.all());
        assertTrue(json.at("/emptySteps/0/stepMillis/median").asDouble() > 0, outcome.all());
        assertEquals(2, json.at("/reduce/ranks").asInt(), outcome.all());
        assertEquals(
                json.at("/reduce/reduceMillis/median").asDouble()
                        / json.at("/reduce/copyMillis/median").asDouble(),
                json.at("/reduce/ratio").asDouble(),
                1e-9,
                outcome.all());
        assertTrue(outcome.output().contains("figures: " + file), outcome.all());
        // The new processes' warm-up, three comparisons, empty steps with TLS and without.
        try (Stream<Path> reports = Files.list(folder.resolve("run/overhead/reports"))) {
            assertEquals(6, reports.count());
        }
    }

    /** How many steps were left out; all others must be there. */
    private static int interrupted(JsonNode side, int lists) {
        int steps = 0;
        assertEquals(lists, side.get("samplesMillis").size());
        for (JsonNode list : side.get("samplesMillis")) {
            steps += list.size();
            list.forEach(millis -> assertTrue(millis.asDouble() < 1000, list::toString));
        }
        int interrupted = side.get("interrupted").asInt();
        assertEquals(lists * STEPS, steps + interrupted);
        return interrupted;
    }
}

package dev.lockstep.coordinator.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.coordinator.integration.Scripts.Outcome;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The overhead of a real cluster over real bare loops, with the small model. */
class OverheadIT {
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
                "--output",
                file.toString());

        assertEquals(0, outcome.status(), outcome.all());
        JsonNode json = new ObjectMapper().readTree(file.toFile());
        assertEquals(0, json.get("failures").size(), outcome.all());
        assertEquals(3, json.get("training").size(), outcome.all());
        for (JsonNode comparison : json.get("training")) {
            int devices = comparison.get("devices").asInt();
            assertEquals(2, comparison.get("rounds").size());
            for (JsonNode round : comparison.get("rounds")) {
                assertEquals(devices, round.at("/bare/samplesMillis").size());
                assertEquals(3, round.at("/bare/samplesMillis/0").size());
                assertEquals(3, round.at("/lockstep/samplesMillis/0").size());
                assertTrue(round.get("ratio").asDouble() > 0, round::toString);
            }
        }
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
    }
}

package dev.lockstep.coordinator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.tensor.NamedTensor;
import dev.lockstep.common.tensor.SafetensorsWriter;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.api.RunView.MeasurementView;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TraceTest {
    @TempDir
    Path folder;

    private FakeShell shell;
    private FakeCoordinator coordinator;

    @BeforeEach
    void start() throws IOException {
        shell = new FakeShell(folder);
        coordinator = FakeCoordinator.in(folder.resolve("run"));
        write("b", NamedTensor.floats("inputs", new float[2 * 3 * 4 * 4], 2, 3, 4, 4));
        write("w", NamedTensor.floats("classifier.1.weight", new float[5 * 7], 5, 7));
    }

    @AfterEach
    void stop() {
        coordinator.close();
    }

    private void write(String name, NamedTensor tensor) {
        SafetensorsWriter.write(folder.resolve(name), List.of(tensor), Map.of());
    }

    @Test
    void shouldAskForOneExactMeasurement() {
        FakeTraces.answer(coordinator, settings -> new FakeTraces.Content(1.5f, 0, 0));
        assertEquals(
                0,
                shell.execute("trace", "--weights", "w", "--data", "b", "--out", "o", "--devices", "2", "--steps", "3"),
                shell.err()::toString);
        Map<String, String> expected = new HashMap<>(Map.of(
                "weights", folder.resolve("w").toString(),
                "data", "tensors:" + folder.resolve("b"),
                "trace", folder.resolve("o").toString(),
                "devices", "2",
                "steps", "3",
                "warmup", "0",
                "global-batch", "2",
                "image-size", "4",
                "classes", "5"));
        expected.putAll(
                Map.of("dropout", "0", "stochastic-depth", "0", "strategy", "data-parallel", "precision", "fp32"));
        expected.put("memory-format", "contiguous");
        assertEquals(expected, FakeTraces.read(coordinator.body()).settings());
        assertEquals(
                List.of(
                        "run r1 traces 3 steps of 2 images at 4 x 4 pixels",
                        "step 1  loss 1.500000",
                        "step 2  loss 1.500000",
                        "step 3  loss 1.500000",
                        "trace: " + folder.resolve("o")),
                shell.out());
    }

    @Test
    void shouldPassOnWhatTheUserChooses() {
        FakeTraces.answer(coordinator, settings -> new FakeTraces.Content(1, 0, 0));
        assertEquals(
                0,
                shell.execute(
                        "trace",
                        "--data",
                        "b",
                        "--out",
                        "o",
                        "--strategy",
                        "all-reduce",
                        "--optimizer=adam",
                        "--nesterov"));
        Map<String, String> settings = FakeTraces.read(coordinator.body()).settings();
        assertEquals("all-reduce", settings.get("strategy"));
        assertEquals("adam", settings.get("optimizer"));
        assertEquals("true", settings.get("nesterov"));
        assertEquals("1", settings.get("devices"));
        assertTrue(!settings.containsKey("classes") && !settings.containsKey("weights"), settings::toString);
    }

    @Test
    void shouldSayWhyThereIsNoTrace() {
        List<MeasurementView> failed =
                List.of(new MeasurementView("m", "one", "failed", 0, 1, null, "w misses 1 tensor: 'a'"));
        coordinator.on("POST /runs", new RunView("r1", "failed", Instant.EPOCH, List.of(), failed, "/there", null));
        assertEquals(1, shell.execute("trace", "--data", "b", "--out", "o"));
        assertEquals(List.of("lockstep: run r1 failed: failed: w misses 1 tensor: 'a'"), shell.err());
    }

    @Test
    void shouldRefuseFilesOfOtherShapesBeforeItAsks() {
        write("flat", NamedTensor.floats("inputs", new float[12], 1, 3, 4));
        write("wide", NamedTensor.floats("inputs", new float[24], 1, 3, 2, 4));
        assertEquals(2, shell.execute("trace", "--data", "flat", "--out", "o"));
        assertEquals(2, shell.execute("trace", "--data", "wide", "--out", "o"));
        assertEquals(2, shell.execute("trace", "--data", "b", "--weights", "b", "--out", "o"));
        assertEquals(2, shell.execute("trace", "--data", "missing", "--out", "o"));
        assertEquals(
                List.of(
                        "lockstep: " + folder.resolve("flat")
                                + ": tensor 'inputs' is F32 [1, 3, 4], but must be F32 [N, 3, H, H]: square images with"
                                + " three channels",
                        "lockstep: " + folder.resolve("wide")
                                + ": tensor 'inputs' is F32 [1, 3, 2, 4], but must be F32 [N, 3, H, H]: square images with"
                                + " three channels",
                        "lockstep: " + folder.resolve("b") + ": has no tensor 'classifier.1.weight'",
                        "lockstep: " + folder.resolve("missing") + ": there is no such file"),
                shell.err());
        assertEquals(List.of(), coordinator.requests());
    }
}

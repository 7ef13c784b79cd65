package dev.lockstep.coordinator.integration;

import static dev.lockstep.coordinator.integration.Scripts.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.tensor.NamedTensor;
import dev.lockstep.common.tensor.Safetensors;
import dev.lockstep.common.tensor.SafetensorsWriter;
import dev.lockstep.common.tensor.TensorComparison;
import dev.lockstep.coordinator.integration.Scripts.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Traces and verification on one real cluster of three CPU devices, with the small model. */
class VerifyIT {
    private static final int IMAGES = 5;
    private static final int SIZE = 32;

    @TempDir
    static Path folder;

    private static Scripts scripts;

    @BeforeAll
    static void start() throws IOException, InterruptedException {
        scripts = new Scripts(folder.resolve("run"));
        Outcome started = scripts.run("start-cluster", "--devices", "cpu:3");
        assertEquals(0, started.status(), started.all());
        SplittableRandom random = new SplittableRandom(1);
        float[] inputs = new float[IMAGES * 3 * SIZE * SIZE];
        for (int index = 0; index < inputs.length; index++) {
            inputs[index] = (float) random.nextGaussian();
        }
        SafetensorsWriter.write(
                batch(),
                List.of(
                        NamedTensor.floats("inputs", inputs, IMAGES, 3, SIZE, SIZE),
                        NamedTensor.longs("labels", new long[] {0, 1, 2, 3, 34}, IMAGES)),
                Map.of());
    }

    @AfterAll
    static void stop() throws IOException, InterruptedException {
        scripts.run("stop-cluster");
        List<ProcessHandle> left = scripts.processes();
        left.forEach(ProcessHandle::destroyForcibly);
        assertEquals(List.of(), left, "a test left processes behind");
    }

    private static Path batch() {
        return folder.resolve("batch.safetensors");
    }

    private static Path trace(String name, String... options) throws IOException, InterruptedException {
        Path out = folder.resolve(name);
        List<String> arguments = new ArrayList<>(List.of("trace", "--model", "tiny", "--data"));
        arguments.addAll(List.of(batch().toString(), "--out", out.toString()));
        arguments.addAll(List.of(options));
        Outcome traced = scripts.run("lockstep", arguments.toArray(String[]::new));
        assertEquals(0, traced.status(), traced.all());
        assertTrue(traced.output().contains("trace: " + out), traced.all());
        return out;
    }

    @Test
    void shouldTraceBothStrategiesOverUnevenChunks() throws IOException, InterruptedException {
        Path dataParallel = trace("data-parallel", "--devices", "3", "--steps", "2");
        Path allReduce = trace("all-reduce", "--devices", "3", "--steps", "2", "--strategy", "all-reduce");
        try (Safetensors expected = Safetensors.read(dataParallel);
                Safetensors actual = Safetensors.read(allReduce)) {
            assertEquals(List.of(2L), expected.shape("loss"));
            assertEquals(List.of((long) IMAGES, 35L), expected.shape("logits"));
            TensorComparison comparison = TensorComparison.of(expected, actual);
            assertTrue(comparison.within(1e-3), comparison::toString);
            assertEquals(
                    List.of("buffer", "grad", "logits", "loss", "param"),
                    comparison.groups().stream()
                            .map(TensorComparison.Group::name)
                            .sorted()
                            .toList());
        }
    }

    @Test
    void shouldGoOnFromSavedWeights() throws IOException, InterruptedException {
        Path weights = folder.resolve("weights.safetensors");
        Outcome run = scripts.run(
                "lockstep",
                "run",
                "--model",
                "tiny",
                "--image-size",
                String.valueOf(SIZE),
                "--precision",
                "fp32",
                "--devices",
                "1",
                "--global-batch",
                "2",
                "--steps",
                "2",
                "--warmup",
                "0",
                "--save-weights",
                weights.toString());
        assertEquals(0, run.status(), run.all());
        Path out = trace("from-weights", "--weights", weights.toString(), "--learning-rate", "0");
        try (Safetensors saved = Safetensors.read(weights);
                Safetensors traced = Safetensors.read(out)) {
            String head = "classifier.1.weight";
            assertArrayEquals(saved.floats(head), traced.floats("param/" + head));
        }
        Path broken = folder.resolve("broken.safetensors");
        Files.write(broken, new byte[] {1, 2, 3});
        assertRefused(2, "broken.safetensors", scripts.run("lockstep", "run", "--weights", broken.toString()));
    }

    @Test
    void shouldVerifyTheCluster() throws IOException, InterruptedException {
        Outcome verified = scripts.run("lockstep", "verify", "--model", "tiny", "--precision", "fp32");
        assertEquals(0, verified.status(), verified.all());
        assertTrue(
                verified.output()
                        .contains("verified: 1 device against 3, data-parallel against all-reduce, the same run twice"),
                verified.all());
    }
}

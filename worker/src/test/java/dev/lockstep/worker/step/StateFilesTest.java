package dev.lockstep.worker.step;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.Chunks;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.tensor.NamedTensor;
import dev.lockstep.common.tensor.Safetensors;
import dev.lockstep.common.tensor.SafetensorsWriter;
import dev.lockstep.common.tensor.TensorType;
import dev.lockstep.common.work.StateFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What replicas read from files and write to them. */
class StateFilesTest {
    private static final Duration PATIENCE = Duration.ofMinutes(1);
    private static final int RANKS = 2;
    private static final int BATCH = 5;
    private static final String STEM = "features.0.0.weight";
    private static final String COUNTER = "features.0.1.num_batches_tracked";

    @TempDir
    Path folder;

    @Test
    void shouldContinueFromWhatItSaved() throws Exception {
        Path saved = folder.resolve("saved.safetensors");
        Path savedAgain = folder.resolve("again.safetensors");

        String checksum = run(1, new StateFiles(null, saved.toString(), null), 2);
        // Another seed: all that matters comes from the file.
        String loaded = run(99, new StateFiles(saved.toString(), savedAgain.toString(), null), 0);

        assertEquals(checksum, loaded);
        try (Safetensors first = Safetensors.read(saved);
                Safetensors second = Safetensors.read(savedAgain)) {
            assertEquals(first.names(), second.names());
            for (String name : first.names()) {
                assertEquals(first.info(name), second.info(name));
                assertEquals(first.data(name), second.data(name), name);
            }
        }
    }

    @Test
    void shouldSaveTorchvisionsStateDict() throws Exception {
        Path saved = folder.resolve("saved.safetensors");

        run(1, new StateFiles(null, saved.toString(), null), 3);

        try (Safetensors tensors = Safetensors.read(saved);
                ReplicaGroup group = new ReplicaGroup(TinyTraining.quiet(1), 1, 1, PATIENCE)) {
            Replica replica = group.on(0, engine -> engine.replica());
            List<String> expected = new ArrayList<>();
            for (FlatTensor flat : List.of(replica.parameters(), replica.buffers())) {
                flat.layout().places().forEach((name, place) -> {
                    expected.add(name);
                    tensors.requireShape(name, place.shape().getShape());
                    assertEquals(TensorType.F32, tensors.info(name).type());
                });
            }
            List<String> counters = tensors.names().stream()
                    .filter(name -> name.endsWith(".num_batches_tracked"))
                    .toList();
            tensors.requireNames(expected, counters);
            assertEquals(
                    expected.stream()
                            .filter(name -> name.endsWith("running_var"))
                            .count(),
                    counters.size());
            for (String counter : counters) {
                tensors.requireShape(counter);
                assertArrayEquals(new long[] {3}, tensors.longs(counter), counter);
            }
            assertEquals("pt", tensors.metadata().get("format"));
        }
    }

    @Test
    void shouldGoOnCountingBatches() throws Exception {
        Path weights = folder.resolve("weights.safetensors");
        Path saved = folder.resolve("saved.safetensors");
        List<NamedTensor> tensors = new ArrayList<>(weights());
        tensors.add(NamedTensor.longs(COUNTER, new long[] {40}));
        SafetensorsWriter.write(weights, tensors, Map.of());

        run(1, new StateFiles(weights.toString(), saved.toString(), null), 2);

        try (Safetensors read = Safetensors.read(saved)) {
            assertArrayEquals(new long[] {42}, read.longs(COUNTER));
            assertArrayEquals(new long[] {2}, read.longs("features.1.0.block.0.1.num_batches_tracked"));
        }
    }

    @Test
    void shouldWidenHalfPrecision() throws Exception {
        Path weights = folder.resolve("weights.safetensors");
        Path saved = folder.resolve("saved.safetensors");
        List<NamedTensor> tensors = weights();
        tensors.replaceAll(tensor -> tensor.name().equals(STEM)
                ? new NamedTensor(STEM, TensorType.BF16, tensor.shape(), () -> threes(tensor))
                : tensor);
        SafetensorsWriter.write(weights, tensors, Map.of());

        run(1, new StateFiles(weights.toString(), saved.toString(), null), 0);

        try (Safetensors read = Safetensors.read(saved)) {
            for (float value : read.floats(STEM)) {
                assertEquals(3f, value);
            }
        }
    }

    private static ByteBuffer threes(NamedTensor tensor) {
        int elements = tensor.shape().stream().mapToInt(Math::toIntExact).reduce(1, Math::multiplyExact);
        int bytes = elements * Short.BYTES;
        ByteBuffer data = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (data.hasRemaining()) {
            data.putShort((short) (Float.floatToIntBits(3f) >>> 16));
        }
        return data.flip();
    }

    @Test
    void shouldRefuseAnotherModelsTensorsByName() throws Exception {
        List<NamedTensor> tensors = weights();
        int stem = indexOf(tensors, STEM);

        List<NamedTensor> missing = new ArrayList<>(tensors);
        missing.remove(stem);
        checkRefused(missing, STEM);
        List<NamedTensor> misnamed = new ArrayList<>(tensors);
        misnamed.add(NamedTensor.floats("module.extra", new float[] {1}, 1));
        checkRefused(misnamed, "module.extra");
        List<NamedTensor> misshaped = new ArrayList<>(tensors);
        misshaped.set(stem, NamedTensor.floats(STEM, new float[8 * 27], 8, 27));
        checkRefused(misshaped, STEM);
        List<NamedTensor> integers = new ArrayList<>(tensors);
        integers.set(stem, NamedTensor.longs(STEM, new long[8 * 27], 8, 3, 3, 3));
        checkRefused(integers, STEM);
        List<NamedTensor> counters = new ArrayList<>(tensors);
        counters.add(NamedTensor.longs(COUNTER, new long[] {1, 2}, 2));
        checkRefused(counters, COUNTER);
    }

    @Test
    void shouldRefuseATruncatedFile() throws Exception {
        Path weights = folder.resolve("weights.safetensors");
        SafetensorsWriter.write(weights, weights(), Map.of());
        byte[] whole = Files.readAllBytes(weights);
        Files.write(weights, Arrays.copyOf(whole, whole.length - 1));

        checkRefused(weights, "weights.safetensors");
    }

    private void checkRefused(List<NamedTensor> tensors, String named) throws IOException {
        Path weights = folder.resolve("refused.safetensors");
        SafetensorsWriter.write(weights, tensors, Map.of());
        checkRefused(weights, named);
    }

    private static void checkRefused(Path weights, String named) {
        LockstepException e =
                assertThrows(LockstepException.class, () -> run(1, new StateFiles(weights.toString(), null, null), 0));
        assertEquals(FailureCategory.USAGE, e.failure().category());
        assertTrue(e.getMessage().contains(named), e.getMessage());
        assertTrue(e.getMessage().contains(weights.toString()), e.getMessage());
        assertEquals(1, e.getMessage().lines().count());
    }

    @ParameterizedTest
    @EnumSource(Strategy.class)
    void shouldTraceStepsAsReplicaZeroHoldsThem(Strategy strategy) throws Exception {
        Path traced = folder.resolve("trace.safetensors");
        StateFiles files = new StateFiles(null, null, traced.toString());
        List<Float> losses = new ArrayList<>();
        try (ReplicaGroup group = group(1, strategy, files)) {
            Replica replica = group.on(0, engine -> engine.replica());
            losses.add(group.step(Chunks.of(BATCH, RANKS)).get(0).loss().floatValue());
            float[] logits = new float[BATCH * TinyTraining.CLASSES];
            group.segment().logits(0, BATCH).asFloatBuffer().get(logits);
            float[] gradient = replica.gradients().read(STEM);
            losses.add(group.step(Chunks.of(BATCH, RANKS)).get(0).loss().floatValue());
            group.onAll(DjlTrainingEngine::summarise);

            try (Safetensors trace = Safetensors.read(traced)) {
                assertArrayEquals(new float[] {losses.get(0), losses.get(1)}, trace.floats("loss"));
                trace.requireShape("loss", 2);
                trace.requireShape("logits", BATCH, TinyTraining.CLASSES);
                assertArrayEquals(logits, trace.floats("logits"));
                assertArrayEquals(gradient, trace.floats("grad/" + STEM));
                assertFalse(Arrays.equals(gradient, replica.gradients().read(STEM)));
                List<String> expected = new ArrayList<>(List.of("loss", "logits"));
                for (String name : replica.parameters().layout().places().keySet()) {
                    expected.add("grad/" + name);
                    expected.add("param/" + name);
                    assertEquals(trace.shape("param/" + name), trace.shape("grad/" + name));
                    assertArrayEquals(replica.parameters().read(name), trace.floats("param/" + name), name);
                }
                for (String name : replica.buffers().layout().places().keySet()) {
                    expected.add("buffer/" + name);
                    assertArrayEquals(replica.buffers().read(name), trace.floats("buffer/" + name), name);
                }
                trace.requireNames(expected, List.of());
            }
        }
        try (Stream<Path> left = Files.list(folder)) {
            assertEquals(List.of(traced), left.toList());
        }
    }

    @Test
    void shouldStartAllRanksFromTheFile() throws Exception {
        Path saved = folder.resolve("saved.safetensors");
        run(1, new StateFiles(null, saved.toString(), null), 2);
        StateFiles files = new StateFiles(saved.toString(), null, null);
        try (ReplicaGroup group = group(99, Strategy.DATA_PARALLEL, files);
                Safetensors tensors = Safetensors.read(saved)) {
            Replica last = group.on(RANKS - 1, engine -> engine.replica());
            assertArrayEquals(tensors.floats(STEM), last.parameters().read(STEM));
        }
    }

    /** A complete set of tensors, as the seed gives them, without counters of batches. */
    private static List<NamedTensor> weights() throws Exception {
        try (ReplicaGroup group = new ReplicaGroup(TinyTraining.quiet(1), 1, 1, PATIENCE)) {
            Replica replica = group.on(0, engine -> engine.replica());
            List<NamedTensor> tensors = new ArrayList<>();
            for (FlatTensor flat : List.of(replica.parameters(), replica.buffers())) {
                flat.layout()
                        .places()
                        .forEach((name, place) -> tensors.add(NamedTensor.floats(
                                name, flat.read(name), place.shape().getShape())));
            }
            return tensors;
        }
    }

    private static int indexOf(List<NamedTensor> tensors, String name) {
        return tensors.stream().map(NamedTensor::name).toList().indexOf(name);
    }

    private static String run(long seed, StateFiles files, int steps) throws IOException {
        try (ReplicaGroup group = group(seed, Strategy.DATA_PARALLEL, files)) {
            for (int step = 0; step < steps; step++) {
                group.step(Chunks.of(BATCH, RANKS));
            }
            return group.onAll(DjlTrainingEngine::summarise).get(0).parameterChecksum();
        }
    }

    private static ReplicaGroup group(long seed, Strategy strategy, StateFiles files) throws IOException {
        ReplicaGroup group = new ReplicaGroup(TinyTraining.quiet(seed), strategy, files, RANKS, BATCH, PATIENCE);
        group.fill(0, TinyTraining.images(BATCH), TinyTraining.labels(BATCH));
        return group;
    }
}

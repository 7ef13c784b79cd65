package dev.lockstep.common.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriterTest {
    /** What Python makes of the same tensors with compact JSON, unescaped: 280 bytes with its padding. */
    private static final String HEADER = "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"labels\":{\"dtype\":\"I64\",\"shape\":[3],\"data_offsets\":[0,24]},"
            + "\"inputs\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[24,40]},"
            + "\"größe\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[40,44]},"
            + "\"empty\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[44,44]}}      ";

    private static final String DATA = "0300000000000000ffffffffffffffff0000000000010000" // 3, -1, 2^40
            + "0000c03f000000800000807f01000000" // 1.5, -0, infinity, the smallest subnormal
            + "cdcccc3d"; // 0.1

    @TempDir
    private Path folder;

    @Test
    void shouldWriteTheBytesThatPythonWrites() throws IOException {
        Path file = folder.resolve("W.safetensors");
        SafetensorsWriter.write(
                file,
                List.of(
                        NamedTensor.longs("labels", new long[] {3, -1, 1L << 40}, 3),
                        NamedTensor.floats(
                                "inputs", new float[] {1.5f, -0.0f, Float.POSITIVE_INFINITY, Float.MIN_VALUE}, 2, 2),
                        NamedTensor.floats("größe", new float[] {0.1f}),
                        NamedTensor.floats("empty", new float[0], 0, 3)),
                Map.of("format", "pt"));
        byte[] written = Files.readAllBytes(file);
        assertEquals(0x18, written[0]);
        assertEquals(0x01, written[1]);
        assertArrayEquals(TensorFiles.bytes(HEADER, HexFormat.of().parseHex(DATA)), written);
    }

    @Test
    void shouldReadBackEveryTypeAndAlignIt() throws IOException {
        Path file = folder.resolve("W.safetensors");
        byte[] halves = {0x00, 0x3c, 0x01, (byte) 0x80, (byte) 0xff, 0x7b};
        byte[] brains = {(byte) 0x80, 0x3f};
        SafetensorsWriter.write(
                file,
                List.of(
                        raw("half", TensorType.F16, List.of(3L, 1L), halves),
                        NamedTensor.floats("float", new float[] {-2.5f}, 1),
                        raw("brain", TensorType.BF16, List.of(), brains),
                        NamedTensor.longs("long", new long[] {Long.MIN_VALUE, Long.MAX_VALUE}, 1, 2)),
                Map.of("b", "2", "a", "line\nbreak"));
        try (Safetensors tensors = Safetensors.read(file)) {
            assertEquals(List.of("long", "float", "half", "brain"), tensors.names());
            assertArrayEquals(new float[] {1f, -0x1p-24f, 65504f}, tensors.floats("half"));
            assertEquals(ByteBuffer.wrap(halves), tensors.data("half"));
            assertArrayEquals(new float[] {-2.5f}, tensors.floats("float"));
            assertArrayEquals(new float[] {1f}, tensors.floats("brain"));
            assertArrayEquals(new long[] {Long.MIN_VALUE, Long.MAX_VALUE}, tensors.longs("long"));
            assertEquals(Map.of("a", "line\nbreak", "b", "2"), tensors.metadata());
            for (String name : tensors.names()) {
                TensorInfo tensor = tensors.info(name);
                assertEquals(0, tensor.begin() % tensor.type().elementBytes(), name);
            }
        }
    }

    private static NamedTensor raw(String name, TensorType type, List<Long> shape, byte[] bytes) {
        return new NamedTensor(name, type, shape, () -> ByteBuffer.wrap(bytes));
    }

    @Test
    void shouldPadTheHeaderToEightBytes() throws IOException {
        for (int length = 1; length <= 8; length++) {
            Path file = folder.resolve("padded-" + length);
            SafetensorsWriter.write(file, List.of(NamedTensor.floats("n".repeat(length), new float[1], 1)), Map.of());
            assertEquals(0, (Files.size(file) - Float.BYTES) % 8);
            Safetensors.read(file).close();
        }
    }

    @Test
    void shouldWriteTheSameBytesWhateverTheOrderOfTheMetadata() throws IOException {
        Map<String, String> forwards = new LinkedHashMap<>();
        Map<String, String> backwards = new LinkedHashMap<>();
        for (int index = 0; index < 20; index++) {
            forwards.put("key" + index, "value");
            backwards.put("key" + (19 - index), "value");
        }
        List<NamedTensor> tensors = List.of(NamedTensor.floats("a", new float[] {1, 2}, 2));
        SafetensorsWriter.write(folder.resolve("one"), tensors, forwards);
        SafetensorsWriter.write(folder.resolve("two"), tensors, backwards);
        assertArrayEquals(Files.readAllBytes(folder.resolve("one")), Files.readAllBytes(folder.resolve("two")));
    }

    @Test
    void shouldAskForOneTensorAtATime() throws IOException {
        List<String> asked = new ArrayList<>();
        ByteBuffer reused = ByteBuffer.allocate(8);
        List<NamedTensor> tensors = Stream.of("a", "b", "c")
                .map(name -> new NamedTensor(name, TensorType.I64, List.of(1L), () -> {
                    asked.add(name);
                    return reused.put(0, (byte) asked.size());
                }))
                .toList();
        Path file = folder.resolve("W.safetensors");
        SafetensorsWriter.write(file, tensors, Map.of());
        assertEquals(List.of("a", "b", "c"), asked);
        try (Safetensors read = Safetensors.read(file)) {
            assertArrayEquals(new long[] {1}, read.longs("a"));
            assertArrayEquals(new long[] {2}, read.longs("b"));
            assertArrayEquals(new long[] {3}, read.longs("c"));
        }
    }

    @Test
    void shouldLeaveTheOldFileAndNothingElseWhenATensorFails() throws IOException {
        Path file = Files.writeString(folder.resolve("W.safetensors"), "old");
        NamedTensor good = NamedTensor.floats("good", new float[1000], 1000);
        NamedTensor failing = new NamedTensor("failing", TensorType.F32, List.of(1L), () -> {
            throw new IllegalStateException("no data");
        });
        assertThrows(
                IllegalStateException.class, () -> SafetensorsWriter.write(file, List.of(good, failing), Map.of()));
        NamedTensor wrong = raw("wrong", TensorType.F32, List.of(2L), new byte[7]);
        assertThrows(
                IllegalArgumentException.class, () -> SafetensorsWriter.write(file, List.of(good, wrong), Map.of()));
        assertEquals("old", Files.readString(file));
        assertEquals(List.of(file), filesInFolder());
    }

    @Test
    void shouldLeaveNothingWhenTheFileCannotBePutInPlace() throws IOException {
        Path file = folder.resolve("n".repeat(300));
        LockstepException failure = assertThrows(
                LockstepException.class,
                () -> SafetensorsWriter.write(file, List.of(NamedTensor.floats("a", new float[1], 1)), Map.of()));
        assertEquals(FailureCategory.ENVIRONMENT, failure.failure().category());
        assertEquals(file + ": could not be written: File name too long", failure.getMessage());
        assertEquals(List.of(), filesInFolder());
    }

    @Test
    void shouldRefuseAPlaceThatCanHoldNoFile() throws IOException {
        assertRefused(folder, "is a directory");
        assertRefused(folder.resolve("absent").resolve("W.safetensors"), "there is no folder");
        Path device = Files.createSymbolicLink(folder.resolve("device"), Path.of("/dev/null"));
        assertRefused(device, "is a device or the like");
        assertTrue(Files.isSymbolicLink(device));
        Files.delete(device);
    }

    private static void assertRefused(Path file, String message) {
        LockstepException refusal =
                assertThrows(LockstepException.class, () -> SafetensorsWriter.write(file, List.of(), Map.of()));
        assertEquals(FailureCategory.USAGE, refusal.failure().category());
        assertTrue(refusal.getMessage().startsWith(file + ": "), refusal.getMessage());
        assertTrue(refusal.getMessage().contains(message), refusal.getMessage());
    }

    @Test
    void shouldRejectTensorsThatContradictThemselves() throws IOException {
        NamedTensor tensor = NamedTensor.floats("a", new float[1], 1);
        NamedTensor reserved = NamedTensor.floats("__metadata__", new float[1], 1);
        Path file = folder.resolve("W.safetensors");
        assertThrows(
                IllegalArgumentException.class, () -> SafetensorsWriter.write(file, List.of(tensor, tensor), Map.of()));
        assertThrows(IllegalArgumentException.class, () -> SafetensorsWriter.write(file, List.of(reserved), Map.of()));
        assertThrows(IllegalArgumentException.class, () -> NamedTensor.floats("a", new float[3], 2, 2));
        assertThrows(IllegalArgumentException.class, () -> NamedTensor.longs("a", new long[0]));
        assertEquals(List.of(), filesInFolder());
    }

    private List<Path> filesInFolder() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.toList();
        }
    }
}

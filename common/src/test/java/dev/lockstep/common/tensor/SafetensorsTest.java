package dev.lockstep.common.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsTest {
    /** Written by the conformance program, conformance/reference.py, with numpy: its header's spacing and escapes are Python's. */
    private static final String HEADER_FROM_PYTHON =
            "{\"labels\": {\"dtype\": \"I64\", \"shape\": [3], \"data_offsets\": [0, 24]}, "
                    + "\"inputs\": {\"dtype\": \"F32\", \"shape\": [2, 2], \"data_offsets\": [24, 40]}, "
                    + "\"gr\\u00f6\\u00dfe\": {\"dtype\": \"F32\", \"shape\": [], \"data_offsets\": [40, 44]}, "
                    + "\"empty\": {\"dtype\": \"F32\", \"shape\": [0, 3], \"data_offsets\": [44, 44]}}    ";

    private static final String DATA_FROM_PYTHON = "0300000000000000ffffffffffffffff0000000000010000" // 3, -1, 2^40
            + "0000c03f000000800000807f01000000" // 1.5, -0, infinity, the smallest subnormal
            + "cdcccc3d"; // 0.1

    @TempDir
    private Path folder;

    @Test
    void shouldReadWhatPythonWrote() throws IOException {
        assertEquals(0x120, HEADER_FROM_PYTHON.length());
        byte[] data = HexFormat.of().parseHex(DATA_FROM_PYTHON);
        try (Safetensors tensors =
                Safetensors.read(TensorFiles.write(folder.resolve("python"), HEADER_FROM_PYTHON, data))) {
            assertEquals(List.of("labels", "inputs", "größe", "empty"), tensors.names());
            assertEquals(new TensorInfo("inputs", TensorType.F32, List.of(2L, 2L), 24, 40), tensors.info("inputs"));
            assertArrayEquals(new long[] {3, -1, 1L << 40}, tensors.longs("labels"));
            assertArrayEquals(
                    new float[] {1.5f, -0.0f, Float.POSITIVE_INFINITY, Float.MIN_VALUE}, tensors.floats("inputs"));
            assertEquals(List.of(), tensors.shape("größe"));
            assertArrayEquals(new float[] {0.1f}, tensors.floats("größe"));
            assertEquals(List.of(0L, 3L), tensors.shape("empty"));
            assertArrayEquals(new float[0], tensors.floats("empty"));
            assertEquals(Map.of(), tensors.metadata());
        }
    }

    @Test
    void shouldOrderNamesByTheirData() throws IOException {
        String header =
                "{\"b\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[2,4]},\"__metadata__\":{\"format\":\"pt\"},"
                        + "\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}";
        byte[] data = {0x00, 0x3c, (byte) 0x80, 0x3f};
        try (Safetensors tensors = Safetensors.read(TensorFiles.write(folder.resolve("file"), header, data))) {
            assertEquals(List.of("a", "b"), tensors.names());
            assertEquals(Map.of("format", "pt"), tensors.metadata());
            assertArrayEquals(new float[] {1f}, tensors.floats("a"));
            assertArrayEquals(new float[] {1f}, tensors.floats("b"));
            ByteBuffer raw = tensors.data("b");
            assertEquals(ByteOrder.LITTLE_ENDIAN, raw.order());
            assertEquals(0x3f80, raw.getShort(0));
        }
    }

    @Test
    void shouldReadAFileOfNoTensors() throws IOException {
        try (Safetensors tensors = Safetensors.read(TensorFiles.write(folder.resolve("file"), "{}", new byte[0]))) {
            assertEquals(List.of(), tensors.names());
        }
    }

    @Test
    void shouldReachBehindFourGibibytes() throws IOException {
        long large = 6L << 30;
        String header = "{\"large\":{\"dtype\":\"F32\",\"shape\":[%d],\"data_offsets\":[0,%d]},"
                        .formatted(large / 4, large)
                + "\"last\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[%d,%d]}}".formatted(large, large + 16);
        Path file = TensorFiles.write(folder.resolve("sparse"), header, new byte[0]);
        long dataOffset = (long) Long.BYTES + header.getBytes(StandardCharsets.UTF_8).length;
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.seek(dataOffset + large);
            sparse.write(new byte[] {1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0});
        }
        try (Safetensors tensors = Safetensors.read(file)) {
            assertArrayEquals(new long[] {1, 2}, tensors.longs("last"));
            assertEquals(large, tensors.info("large").bytes());
            assertRefused(
                    () -> tensors.floats("large"),
                    file + ": tensor 'large' has 6442450944 bytes, but Lockstep reads up to 2 GiB");
        }
    }

    @Test
    void shouldTellWhichShapeTheModelNeeds() throws IOException {
        Path file = folder.resolve("W.safetensors");
        SafetensorsWriter.write(
                file, List.of(NamedTensor.floats("features.0.0.weight", new float[18], 2, 3, 3)), Map.of());
        try (Safetensors tensors = Safetensors.read(file)) {
            assertEquals(
                    TensorType.F32,
                    tensors.requireShape("features.0.0.weight", 2, 3, 3).type());
            assertRefused(
                    () -> tensors.requireShape("features.0.0.weight", 2, 3, 3, 3),
                    file + ": tensor 'features.0.0.weight' has shape [2, 3, 3], but the model needs [2, 3, 3, 3]");
            assertRefused(() -> tensors.requireShape("absent", 1), file + ": has no tensor 'absent'");
        }
    }

    @Test
    void shouldTellWhichNamesAreMissingAndWhichUnknown() throws IOException {
        Path file = folder.resolve("W.safetensors");
        SafetensorsWriter.write(
                file,
                List.of(NamedTensor.floats("a", new float[1], 1), NamedTensor.floats("b", new float[1], 1)),
                Map.of());
        try (Safetensors tensors = Safetensors.read(file)) {
            assertTrue(tensors.contains("a"));
            assertFalse(tensors.contains("c"));
            tensors.requireNames(List.of("a", "b"), List.of());
            tensors.requireNames(List.of("a"), List.of("b", "not here"));
            assertRefused(
                    () -> tensors.requireNames(List.of("d", "a", "c", "e"), List.of()),
                    file + ": misses 3 tensors, first 'd'; has 1 tensor that the model does not know: 'b'");
            assertRefused(
                    () -> tensors.requireNames(List.of("a", "b", "c"), List.of()), file + ": misses 1 tensor: 'c'");
            assertRefused(
                    () -> tensors.requireNames(List.of(), List.of()),
                    file + ": has 2 tensors that the model does not know, first 'a'");
        }
    }

    @Test
    void shouldRefuseToReadATensorAsAnotherType() throws IOException {
        Path file = folder.resolve("B.safetensors");
        SafetensorsWriter.write(
                file,
                List.of(NamedTensor.longs("labels", new long[2], 2), NamedTensor.floats("inputs", new float[2], 2)),
                Map.of());
        try (Safetensors tensors = Safetensors.read(file)) {
            assertRefused(
                    () -> tensors.floats("labels"), file + ": tensor 'labels' is I64, but must be floating point");
            assertRefused(() -> tensors.longs("inputs"), file + ": tensor 'inputs' is F32, but must be I64");
            assertRefused(() -> tensors.longs("absent"), file + ": has no tensor 'absent'");
        }
    }

    @Test
    void shouldNoticeAFileCutShortWhileOpen() throws IOException {
        Path file = folder.resolve("W.safetensors");
        SafetensorsWriter.write(file, List.of(NamedTensor.floats("a", new float[100], 100)), Map.of());
        try (Safetensors tensors = Safetensors.read(file)) {
            try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
                access.setLength(access.length() - 1);
            }
            LockstepException failure = assertThrows(LockstepException.class, () -> tensors.floats("a"));
            assertEquals(FailureCategory.ENVIRONMENT, failure.failure().category());
            assertTrue(failure.getMessage().contains("tensor 'a'"), failure.getMessage());
        }
    }

    private static void assertRefused(Runnable reading, String message) {
        LockstepException refusal = assertThrows(LockstepException.class, reading::run);
        assertEquals(message, refusal.getMessage());
        assertEquals(FailureCategory.USAGE, refusal.failure().category());
    }
}

package dev.lockstep.common.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsRefusalTest {
    private static final String SOUND = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";

    @TempDir
    private Path folder;

    /** Headers in single quotes for reading's sake, bytes of data behind them, and what must be said. */
    static Stream<Arguments> unsoundHeaders() {
        return Stream.of(
                Arguments.of("", 0, "its header is not a JSON object: this is not a safetensors file"),
                Arguments.of("[1]", 0, "its header is not a JSON object: this is not a safetensors file"),
                Arguments.of("{'a':", 0, "its header is not valid JSON: Unexpected end-of-input"),
                Arguments.of("{} {}", 0, "its header is not valid JSON: Trailing token"),
                Arguments.of(
                        "{'a':{'dtype':'F32','shape':[],'data_offsets':[0,4]},"
                                + "'a':{'dtype':'F32','shape':[],'data_offsets':[4,8]}}",
                        8,
                        "its header is not valid JSON: Duplicate field 'a'"),
                Arguments.of(
                        "{'a':{'dtype':'F32','shape':[],'shape':[1],'data_offsets':[0,4]}}",
                        4,
                        "its header is not valid JSON: Duplicate field 'shape'"),
                Arguments.of("{'__metadata__':3}", 0, "__metadata__ in its header is not a JSON object"),
                Arguments.of(
                        "{'__metadata__':{'epoch':3}}", 0, "__metadata__ in its header has 'epoch', which is not text"),
                Arguments.of("{'a':3}", 0, "tensor 'a' is not described by a JSON object"),
                Arguments.of(
                        "{'a':{'dtype':'F64','shape':[1],'data_offsets':[0,8]}}",
                        8,
                        "tensor 'a' has dtype 'F64', but Lockstep reads F32, F16, BF16, I64"),
                Arguments.of("{'a':{'shape':[1],'data_offsets':[0,8]}}", 8, "tensor 'a' has dtype ''"),
                Arguments.of("{'a':{'dtype':'F32','data_offsets':[0,8]}}", 8, "tensor 'a' has no list shape"),
                Arguments.of("{'a':{'dtype':'F32','shape':[2]}}", 8, "tensor 'a' has no list data_offsets"),
                Arguments.of(
                        entry("[-1]", "[0,8]"),
                        8,
                        "tensor 'a' has -1 in its shape, not a whole number from 0 to 2^63 - 1"),
                Arguments.of(entry("[2.0]", "[0,8]"), 8, "tensor 'a' has 2.0 in its shape"),
                Arguments.of(entry("['2']", "[0,8]"), 8, "tensor 'a' has \"2\" in its shape"),
                Arguments.of(
                        entry("[9223372036854775808]", "[0,8]"), 8, "tensor 'a' has 9223372036854775808 in its shape"),
                Arguments.of(
                        entry("[4294967296,4294967296]", "[0,0]"),
                        0,
                        "tensor 'a' has shape [4294967296, 4294967296], which is larger than any file"),
                Arguments.of(
                        entry("[2305843009213693952]", "[0,0]"),
                        0,
                        "tensor 'a' has shape [2305843009213693952], which is larger than any file"),
                Arguments.of(entry("[2]", "[-8,0]"), 8, "tensor 'a' has -8 in its data_offsets"),
                Arguments.of(entry("[2]", "[8,0]"), 8, "tensor 'a' has data_offsets [8, 0], not a begin and an end"),
                Arguments.of(
                        entry("[2]", "[0,4,8]"), 8, "tensor 'a' has data_offsets [0, 4, 8], not a begin and an end"),
                Arguments.of(
                        entry("[2]", "[0,8]"),
                        7,
                        "tensor 'a' ends at byte 8 of the data, but the file has only 7: it is cut short or damaged"),
                Arguments.of(
                        entry("[3]", "[0,8]"),
                        8,
                        "tensor 'a' of dtype F32 and shape [3] needs 12 bytes, but its data_offsets [0, 8] hold 8"),
                Arguments.of(pair("[0,8]", "[4,12]"), 12, "tensor 'b' overlaps tensor 'a'"),
                Arguments.of(pair("[0,8]", "[0,8]"), 8, "tensor 'b' overlaps tensor 'a'"),
                Arguments.of(
                        pair("[0,8]", "[12,20]"), 20, "between tensor 'a' and tensor 'b' are 4 bytes of no tensor"),
                Arguments.of(entry("[2]", "[1,9]"), 9, "between the header and tensor 'a' are 1 bytes of no tensor"),
                Arguments.of(entry("[2]", "[0,8]"), 11, "3 bytes follow tensor 'a', which should be the last"),
                Arguments.of("{}", 1, "1 bytes follow the header, which should be the last"),
                Arguments.of("{'a\\nb':3}", 0, "tensor 'a?b' is not described by a JSON object"),
                Arguments.of(
                        "{'" + "n".repeat(300) + "':3}", 0, "tensor '" + "n".repeat(120) + "...' is not described"));
    }

    private static String entry(String shape, String offsets) {
        return "{'a':{'dtype':'F32','shape':%s,'data_offsets':%s}}".formatted(shape, offsets);
    }

    private static String pair(String offsetsOfA, String offsetsOfB) {
        return ("{'a':{'dtype':'F32','shape':[2],'data_offsets':%s},"
                        + "'b':{'dtype':'F32','shape':[2],'data_offsets':%s}}")
                .formatted(offsetsOfA, offsetsOfB);
    }

    @ParameterizedTest
    @MethodSource("unsoundHeaders")
    void shouldRefuseAnUnsoundHeader(String header, int dataBytes, String message) throws IOException {
        Path file = folder.resolve("W.safetensors");
        TensorFiles.write(file, header.replace('\'', '"'), new byte[dataBytes]);
        assertRefused(file, message);
    }

    @Test
    void shouldRefuseAFileCutAnywhere() throws IOException {
        byte[] sound = TensorFiles.bytes(SOUND, new byte[8]);
        for (int length = 0; length < sound.length; length++) {
            Path file = folder.resolve("cut-" + length);
            Files.write(file, Arrays.copyOf(sound, length));
            assertRefused(file, "");
        }
        Safetensors.read(Files.write(folder.resolve("whole"), sound)).close();
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE, 100_000_001, 0x04034b50})
    void shouldRefuseAnAbsurdHeaderLength(long length) throws IOException {
        Path file = folder.resolve("W.safetensors");
        byte[] bytes = ByteBuffer.allocate(64)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(length)
                .array();
        Files.write(file, bytes);
        assertRefused(file, "safetensors file");
    }

    @Test
    void shouldRefuseAHeaderLongerThanTheFile() throws IOException {
        Path file = folder.resolve("W.safetensors");
        Files.write(file, new byte[] {100, 0, 0, 0, 0, 0, 0, 0, '{', '}'});
        assertRefused(
                file,
                "its header should have 100 bytes, but the file has only 10: it is cut short or not a safetensors file");
    }

    @Test
    void shouldRefuseAHeaderThatIsNotUtf8() throws IOException {
        Path file = folder.resolve("W.safetensors");
        Files.write(file, new byte[] {4, 0, 0, 0, 0, 0, 0, 0, '{', (byte) 0xff, '"', '}'});
        assertRefused(file, "its header is not UTF-8 text");
    }

    @Test
    void shouldRefuseAHeaderNestedTooDeep() throws IOException {
        Path file = folder.resolve("W.safetensors");
        TensorFiles.write(file, "{\"a\":".repeat(100_000), new byte[0]);
        assertRefused(file, "its header is not valid JSON");
    }

    @Test
    void shouldRefuseWhatIsNoFile() {
        assertRefused(folder.resolve("absent"), "there is no such file");
        assertRefused(folder, "is a directory, not a safetensors file");
        assertRefused(Path.of("/dev/zero"), "is a device or the like, not a safetensors file");
    }

    private static void assertRefused(Path file, String message) {
        LockstepException refusal = assertThrows(LockstepException.class, () -> Safetensors.read(file));
        assertEquals(FailureCategory.USAGE, refusal.failure().category());
        assertTrue(refusal.getMessage().startsWith(file + ": "), refusal.getMessage());
        assertTrue(refusal.getMessage().contains(message), refusal.getMessage());
        assertEquals(1, refusal.getMessage().lines().count(), refusal.getMessage());
    }
}

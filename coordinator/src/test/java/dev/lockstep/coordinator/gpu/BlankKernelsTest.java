package dev.lockstep.coordinator.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.coordinator.peers.PythonScript;
import dev.lockstep.coordinator.peers.PythonScript.Ended;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code deploy/python/blank_kernels.py} on a library that is made here; skipped where there is no Python. */
class BlankKernelsTest {
    private static final PythonScript SCRIPT = new PythonScript("blank_kernels.py");
    private static final int MAGIC = 0xBA55ED50;
    private static final short PTX = 1;
    private static final short MACHINE_CODE = 2;
    private static final int HEADER_BYTES = 64;

    @TempDir
    Path folder;

    @BeforeEach
    void requirePython() throws IOException, InterruptedException {
        PythonScript.requirePython();
    }

    private static void putEntry(ByteBuffer buffer, short kind, int architecture, String code) {
        int start = buffer.position();
        buffer.putShort(kind)
                .putShort((short) 0)
                .putInt(HEADER_BYTES)
                .putLong(code.length())
                .position(start + 28);
        buffer.putInt(architecture).position(start + HEADER_BYTES);
        buffer.put(code.getBytes(StandardCharsets.US_ASCII));
    }

    /** Text, the magic number by chance, text, and a fatbin of code for four kinds of GPUs, then text. */
    private byte[] library() {
        ByteBuffer buffer = ByteBuffer.allocate(1024).order(ByteOrder.LITTLE_ENDIAN);
        buffer.put("before".getBytes(StandardCharsets.US_ASCII)).putInt(MAGIC).put(new byte[20]);
        int start = buffer.position();
        buffer.position(start + 16);
        putEntry(buffer, MACHINE_CODE, 80, "code for 8.0");
        putEntry(buffer, MACHINE_CODE, 86, "code for 8.6");
        putEntry(buffer, MACHINE_CODE, 90, "code for 9.0");
        putEntry(buffer, PTX, 90, "PTX for 9.0");
        int end = buffer.position();
        buffer.putInt(start, MAGIC)
                .putShort(start + 4, (short) 1)
                .putShort(start + 6, (short) 16)
                .putLong(start + 8, end - start - 16);
        buffer.put("after".getBytes(StandardCharsets.US_ASCII));
        byte[] bytes = new byte[buffer.position()];
        buffer.rewind().get(bytes);
        return bytes;
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    @ParameterizedTest
    @CsvSource({"8.0,8.0,''", "8.6,8.0,8.6", "8.9,8.0,8.6", "9.0,9.0,''"})
    void shouldKeepWhatRunsOnTheGpuAndNothingElse(String capability, String first, String second) throws Exception {
        byte[] library = library();
        Path source = Files.write(folder.resolve("lib.so"), library);
        Path target = folder.resolve("blanked.so");

        Ended outcome = SCRIPT.run(capability, source.toString(), target.toString());

        assertEquals(0, outcome.status(), outcome::output);
        String got = text(Files.readAllBytes(target));
        for (String architecture : new String[] {"8.0", "8.6", "9.0"}) {
            assertEquals(
                    architecture.equals(first) || architecture.equals(second),
                    got.contains("code for " + architecture),
                    architecture);
        }
        assertFalse(got.contains("PTX"), got);
        assertTrue(got.startsWith("before") && got.endsWith("after"), got);
        assertEquals(library.length, got.length());
        assertEquals(text(library), text(Files.readAllBytes(source)));
    }

    @Test
    void shouldRefuseAFormThatItDoesNotKnow() throws Exception {
        byte[] library = library();
        // The first entry says that it is larger than all of them.
        ByteBuffer.wrap(library).order(ByteOrder.LITTLE_ENDIAN).putLong(30 + 16 + 8, 10_000);
        Path source = Files.write(folder.resolve("lib.so"), library);

        Ended outcome = SCRIPT.run(
                "9.0", source.toString(), folder.resolve("blanked.so").toString());

        assertEquals(1, outcome.status(), outcome::output);
        assertTrue(outcome.output().contains("is not what it should be"), outcome::output);
    }
}

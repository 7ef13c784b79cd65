package dev.lockstep.worker.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

class NcclLibraryTest {
    private static final String NATIVES = "lockstep.cuda.natives";

    @TempDir
    Path folder;

    @Test
    void shouldLayTheConfigurationOutAsTheLibraryDoes() {
        NcclLibrary.Config config = new NcclLibrary.Config(22105);
        config.write();

        assertEquals(NcclLibrary.Config.BYTES, config.size());
        assertEquals(48, config.getPointer().getLong(0));
        assertEquals(0xcafebeef, config.getPointer().getInt(8));
        assertEquals(22105, config.getPointer().getInt(12));
        assertEquals(0, config.getPointer().getInt(16), "not blocking");
        for (long undefined : new long[] {20, 24, 28, 40}) {
            assertEquals(Integer.MIN_VALUE, config.getPointer().getInt(undefined));
        }
        assertEquals(0, config.getPointer().getLong(32));
        assertEquals(Nccl.UNIQUE_ID_BYTES, new NcclLibrary.UniqueId.ByValue().size());
    }

    @Test
    void shouldSayThatTheCpuBuildHasNone() {
        LockstepException e = assertThrows(LockstepException.class, () -> NcclLibrary.load(folder));

        assertEquals(FailureCategory.ENVIRONMENT, e.failure().category());
        assertTrue(e.getMessage().contains("--cuda"), e.getMessage());
    }

    /** Without a GPU all but joining works. For who has the natives: {@code -Dlockstep.cuda.natives=FOLDER}. */
    @Test
    @EnabledIfSystemProperty(named = NATIVES, matches = ".+")
    void shouldFindEveryFunctionAndMakeAnIdForTheLoopbackInterface() throws Exception {
        String output = probe(System.getProperty(NATIVES));

        assertTrue(output.contains("version: 22105\n"), output);
        assertTrue(output.contains("family: 2, address: 7f000001\n"), output);
        assertTrue(
                output.contains("joining: IN_PROGRESS ")
                        || output.matches(
                                "(?s).*joining: UNHANDLED_CUDA_ERROR unhandled cuda error .* Cuda failure '.*"),
                output);
        assertTrue(output.contains("elsewhere: ENVIRONMENT\n"), output);
    }

    private String probe(String natives) throws IOException, InterruptedException {
        Path log = folder.resolve("log");
        ProcessBuilder builder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        NcclProbe.class.getName(),
                        natives)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile());
        builder.environment().put("LD_LIBRARY_PATH", natives);
        int status = builder.start().waitFor();
        String output = Files.readString(log, StandardCharsets.UTF_8);
        assertEquals(0, status, output);
        return output;
    }
}

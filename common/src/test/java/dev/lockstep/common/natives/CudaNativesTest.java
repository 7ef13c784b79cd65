package dev.lockstep.common.natives;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The jar is a small one of the same form. */
class CudaNativesTest {
    private static final int LIBRARY_BYTES = 3_000_000;

    @TempDir
    Path folder;

    private Path jar;
    private Path pointer;
    private Path unpacked;
    private Path partial;
    private final List<String> progress = new ArrayList<>();

    @BeforeEach
    void build() throws IOException {
        jar = folder.resolve("natives.jar");
        pointer = folder.resolve("cuda-natives-jar");
        unpacked = folder.resolve("cache/pytorch/2.5.1-cu124-lockstep");
        partial = folder.resolve("cache/pytorch/2.5.1-cu124-lockstep.partial");
        writeJar(CudaNatives.REQUIRED);
        Files.writeString(pointer, jar.toString());
    }

    private void writeJar(List<String> names) throws IOException {
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
            zip.putNextEntry(new ZipEntry("META-INF/MANIFEST.MF"));
            for (String name : names) {
                zip.putNextEntry(new ZipEntry("pytorch/cu124/linux-x86_64/" + name));
                zip.write(new byte[LIBRARY_BYTES]);
            }
        }
    }

    private CudaNatives natives(Map<String, String> environment) {
        return new CudaNatives(environment, pointer);
    }

    private CudaNatives natives() {
        return natives(Map.of("DJL_CACHE_DIR", folder.resolve("cache").toString()));
    }

    private void assertLacking(String sentence, CudaNatives natives) {
        LockstepException refusal = assertThrows(LockstepException.class, () -> natives.folder(progress::add));
        assertEquals(FailureCategory.ENVIRONMENT, refusal.failure().category());
        assertTrue(refusal.getMessage().contains(sentence), refusal.getMessage());
    }

    private void assertWhole() throws IOException {
        for (String name : CudaNatives.REQUIRED) {
            assertEquals(LIBRARY_BYTES, Files.size(unpacked.resolve(name)));
        }
        assertFalse(Files.exists(partial));
    }

    @Test
    void shouldUnpackOnce() throws IOException {
        assertEquals(unpacked, natives().folder(progress::add));
        assertWhole();
        Files.delete(jar);
        assertEquals(unpacked, natives().folder(progress::add), "the jar is not needed any more");
    }

    @Test
    void shouldNotTakeWhatAnInterruptedAttemptLeftForWhole() throws IOException {
        Files.createDirectories(partial);
        Files.writeString(partial.resolve("libtorch.so"), "half");
        Files.writeString(partial.resolve("rubbish.so"), "rubbish");
        natives().folder(progress::add);
        assertWhole();
        assertFalse(Files.exists(unpacked.resolve("rubbish.so")));
    }

    @Test
    void shouldLeaveNoFolderOfThatNameWhenTheJarIsCutShort() throws IOException {
        try (FileChannel channel = FileChannel.open(jar, StandardOpenOption.WRITE)) {
            channel.truncate(Files.size(jar) - 200);
        }
        assertLacking("cannot be unpacked", natives());
        assertFalse(Files.exists(unpacked));
    }

    @Test
    void shouldRefuseAJarThatLacksALibrary() throws IOException {
        writeJar(List.of("libtorch.so"));
        assertLacking("has no pytorch/cu124/linux-x86_64/libc10.so", natives());
        assertFalse(Files.exists(partial));
    }

    @Test
    void shouldCheckTheDiskBeforeItUnpacks() throws IOException {
        Files.createDirectories(unpacked.getParent());
        NativesJar natives = new NativesJar(jar, parent -> 100_000_000);
        LockstepException refusal =
                assertThrows(LockstepException.class, () -> natives.unpack(unpacked, progress::add));
        assertEquals(
                "unpacking the CUDA build of libtorch needs 118 MB in " + unpacked.getParent()
                        + ", and 100 MB are free there: free some, or set DJL_CACHE_DIR to a folder with more",
                refusal.getMessage());
        assertFalse(Files.exists(partial));
    }

    @Test
    void shouldSayHowFarItIs() throws IOException {
        Files.createDirectories(unpacked.getParent());
        long[] nanos = {0};
        NativesJar natives = new NativesJar(jar, parent -> Long.MAX_VALUE, () -> nanos[0] += 600_000_000);
        natives.unpack(unpacked, progress::add);
        assertTrue(progress.size() > 2, progress::toString);
        assertTrue(progress.get(0).matches("unpacking the CUDA build of libtorch: \\d+ of 18 MB"), progress::toString);
    }

    @Test
    void shouldTakeTheFolderThatTheUserNames() throws IOException {
        Path given = Files.createDirectories(folder.resolve("given"));
        CudaNatives natives = natives(Map.of("LOCKSTEP_CUDA_NATIVES", given.toString()));
        for (String name : CudaNatives.REQUIRED) {
            assertLacking("LOCKSTEP_CUDA_NATIVES is " + given + ", which has no " + name, natives);
            Files.createFile(given.resolve(name));
        }
        assertEquals(given, natives.folder(progress::add));
        assertFalse(Files.exists(unpacked));
    }

    @Test
    void shouldSayHowTheJarIsHad() throws IOException {
        Files.delete(jar);
        assertLacking("deploy/bin/start-cluster --cuda", natives());
        Files.delete(pointer);
        assertLacking("the CUDA build of libtorch (2.46 GB) is not here", natives());
    }

    @Test
    void shouldNameAPlaceThatCannotBeWritten() throws IOException {
        try (OutputStream file = Files.newOutputStream(folder.resolve("cache"))) {
            file.write(1);
        }
        assertLacking("set DJL_CACHE_DIR to a folder that can be written", natives());
    }
}

package dev.lockstep.common.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

@EnabledOnOs(OS.LINUX)
class HugePageMappingTest {
    private static final int MIB = 1 << 20;
    private static final long HUGE_PAGE = 2 * MIB;
    private static final Path SHARED_MEMORY = Path.of("/sys/kernel/mm/transparent_hugepage/shmem_enabled");

    private static long address(ByteBuffer buffer) {
        return Pointer.nativeValue(Native.getDirectBufferPointer(buffer));
    }

    @Test
    void shouldMapTheSameBytesAtAHugePage() throws IOException {
        try (SharedFile file = SharedFile.create("mapping", 8 * MIB);
                MappedFile ours = MappedFile.of(file.path(), 8 * MIB);
                MappedFile theirs = MappedFile.of(file.path(), 8 * MIB)) {
            int offset = 3 * 4096 + 40;
            ByteBuffer written = ours.part(offset, 5 * MIB);
            for (int i = 0; i < written.capacity(); i++) {
                written.put(i, (byte) (i / 4));
            }
            ByteBuffer whole = theirs.part(0, 8 * MIB);
            assertEquals(0, address(whole) % HUGE_PAGE);
            assertEquals(written, whole.slice(offset, 5 * MIB));
        }
    }

    @Test
    void shouldHandOutNothingBeyondTheFile() throws IOException {
        try (SharedFile file = SharedFile.create("mapping", 4 * MIB);
                MappedFile mapped = MappedFile.of(file.path(), 4 * MIB)) {
            assertThrows(IndexOutOfBoundsException.class, () -> mapped.part(3 * MIB, MIB + 1));
        }
    }

    @Test
    void shouldRefuseAFileThatIsTooShort() throws IOException {
        try (SharedFile file = SharedFile.create("mapping", 2 * MIB)) {
            IOException refusal = assertThrows(IOException.class, () -> MappedFile.of(file.path(), 4 * MIB));
            assertEquals(file.path() + " has 2097152 bytes, not 4194304", refusal.getMessage());
        }
    }

    @Test
    void shouldUnmapWhatItMapped() throws IOException {
        try (SharedFile file = SharedFile.create("mapping", 8 * MIB)) {
            MappedFile mapped = MappedFile.of(file.path(), 8 * MIB);
            String range = "%x-%x ".formatted(address(mapped.part(0, 1)), address(mapped.part(0, 1)) + 8 * MIB);
            assertTrue(maps("maps").stream().anyMatch(line -> line.startsWith(range)), range);
            mapped.close();
            assertFalse(maps("maps").stream().anyMatch(line -> line.contains("memfd:mapping")));
        }
    }

    @Test
    void shouldLieInHugePages() throws IOException {
        assumeTrue(
                Files.exists(SHARED_MEMORY)
                        && !Files.readString(SHARED_MEMORY).contains("[deny]")
                        && linuxCanCollapse(),
                "no huge pages of shared memory here");
        try (SharedFile file = SharedFile.create("mapping", 16 * MIB);
                MappedFile mapped = MappedFile.of(file.path(), 16 * MIB)) {
            ByteBuffer part = mapped.part(4096, 15 * MIB);
            for (int i = 0; i < part.capacity(); i += 4096) {
                part.put(i, (byte) 1);
            }
            String range = "%x-".formatted(address(mapped.part(0, 1)));
            List<String> lines = maps("smaps");
            int first = lines.indexOf(lines.stream()
                    .filter(line -> line.startsWith(range))
                    .findFirst()
                    .orElseThrow());
            String huge = lines.subList(first, lines.size()).stream()
                    .filter(line -> line.startsWith("ShmemPmdMapped:"))
                    .findFirst()
                    .orElseThrow();
            assertEquals(16 * 1024, Integer.parseInt(huge.replaceAll("\\D", "")), huge);
        }
    }

    private static List<String> maps(String name) throws IOException {
        return Files.readAllLines(Path.of("/proc/self").resolve(name));
    }

    private static boolean linuxCanCollapse() {
        String[] version = System.getProperty("os.version").split("[.-]", -1);
        int major = Integer.parseInt(version[0]);
        return major > 6 || (major == 6 && Integer.parseInt(version[1]) >= 1);
    }
}

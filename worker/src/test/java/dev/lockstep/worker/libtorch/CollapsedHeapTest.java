package dev.lockstep.worker.libtorch;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class CollapsedHeapTest {
    private static final int BLOCKS = 64;
    private static final int BLOCK_BYTES = 4 << 20;
    /** Between the blocks that go, as kernels that were made for an earlier model lie between its tensors. */
    private static final int KEPT_BYTES = 256 << 10;
    /** Each block that goes has two ends, and each end is in a huge page that falls to pieces. */
    private static final int LEAST_MIB = 100;

    /** Prints MiB in huge pages: of a heap that was left in pieces and filled again, and after it was put together. */
    static final class Probe {
        private Probe() {}

        public static void main(String[] arguments) throws InterruptedException {
            HeapThreads.start("fills", Probe::run).join();
        }

        private static void run() {
            List<Long> going = new ArrayList<>();
            for (int i = 0; i < BLOCKS; i++) {
                going.add(written(BLOCK_BYTES));
                written(KEPT_BYTES);
            }
            going.forEach(Native::free);
            LibC.trimHeap();
            for (int i = 0; i < BLOCKS; i++) {
                written(BLOCK_BYTES);
            }
            System.out.println(HostAllocator.usesHugePages() + " " + hugePagesMiB());
            LibC.collapseHeap();
            System.out.println(hugePagesMiB());
        }

        private static long written(int bytes) {
            long block = Native.malloc(bytes);
            new Pointer(block).setMemory(0, bytes, (byte) 1);
            return block;
        }

        private static long hugePagesMiB() {
            try {
                return Files.readAllLines(Path.of("/proc/self/smaps_rollup")).stream()
                        .filter(line -> line.startsWith("AnonHugePages:"))
                        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024)
                        .findFirst()
                        .orElseThrow();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    @Test
    void shouldBeInHugePagesAgain() throws IOException, InterruptedException {
        String[] words = ChildJvm.run(
                        Probe.class,
                        Map.of(
                                "MALLOC_ARENA_MAX", "32",
                                "MALLOC_MMAP_THRESHOLD_", "4294967296",
                                "MALLOC_TRIM_THRESHOLD_", "17179869184",
                                "MALLOC_TOP_PAD_", "268435456",
                                "GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"))
                .strip()
                .split("\\s+", -1);
        assumeTrue(words[0].equals("true"), "no huge pages here");
        assumeTrue(linuxCanCollapse(), "Linux before 6.1");

        long before = Long.parseLong(words[1]);
        long after = Long.parseLong(words[2]);
        assertTrue(after >= before + LEAST_MIB, () -> Arrays.toString(words));
    }

    private static boolean linuxCanCollapse() {
        String[] version = System.getProperty("os.version").split("[.-]", -1);
        return Integer.parseInt(version[0]) * 1000 + Integer.parseInt(version[1]) >= 6001;
    }
}

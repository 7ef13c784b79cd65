package dev.lockstep.worker.libtorch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class HostAllocatorTest {
    private static final String TUNABLES = "glibc.malloc.hugetlb=1";
    private static final String ON_REQUEST = "always [madvise] never";
    private static final List<String> PLAIN =
            List.of("7f00-7f01 r-xp 00000000 fe:00 12 /usr/lib/x86_64-linux-gnu/libc.so.6", "7f02-7f03 rw-p 0 00:00 0");

    @Test
    void shouldSayWhetherHugePagesServe() {
        assertEquals("glibc 2.36, huge pages", HostAllocator.describe(PLAIN, "2.36", TUNABLES, ON_REQUEST));
        assertEquals("glibc 2.36", HostAllocator.describe(PLAIN, "2.36", null, ON_REQUEST));
        assertEquals("glibc 2.36", HostAllocator.describe(PLAIN, "2.36", TUNABLES, "always madvise [never]"));
        assertEquals("glibc 2.31", HostAllocator.describe(PLAIN, "2.31", TUNABLES, ON_REQUEST));
        assertEquals("glibc 2.36", HostAllocator.describe(PLAIN, "2.36", TUNABLES, ""));
    }

    @Test
    void shouldNameALibraryLoadedBefore() {
        List<String> mappings =
                List.of(PLAIN.get(0), "7f04-7f05 r-xp 00000000 fe:00 13 /usr/lib/x86_64-linux-gnu/libjemalloc.so.2");

        assertEquals("libjemalloc.so.2", HostAllocator.describe(mappings, "2.36", TUNABLES, ON_REQUEST));
    }

    @Test
    void shouldReadThisProcess() {
        assertTrue(HostAllocator.describe().matches("glibc 2\\.\\d+(, huge pages)?"), HostAllocator::describe);
    }
}

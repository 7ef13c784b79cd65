package dev.lockstep.worker.libtorch;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.jna.Platform;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** In processes of their own, because the number of arenas is decided when one starts. */
class HeapThreadsTest {
    private static final String ARENAS = "MALLOC_ARENA_MAX";
    private static final int THREADS = 20;

    /** What such a process runs. */
    static final class Probe {
        private Probe() {}

        /** Prints of some threads, all alive at once, how many allocate in the heap; then the same of one that was asked to. */
        public static void main(String[] arguments) throws InterruptedException {
            CountDownLatch seen = new CountDownLatch(THREADS);
            AtomicInteger inHeap = new AtomicInteger();
            for (int i = 0; i < THREADS; i++) {
                Thread thread = new Thread(() -> {
                    if (LibC.allocatesInHeap()) {
                        inHeap.incrementAndGet();
                    }
                    seen.countDown();
                    LockSupport.park();
                });
                thread.setDaemon(true);
                thread.start();
            }
            seen.await();
            System.out.println("any: " + inHeap.get());
            HeapThreads.start(
                            "trains",
                            () -> System.out.println(Thread.currentThread().getName() + ": "
                                    + LibC.allocatesInHeap() + ", daemon: "
                                    + Thread.currentThread().isDaemon()))
                    .join();
        }
    }

    private static String probe(int arenas) throws Exception {
        return ChildJvm.run(Probe.class, Map.of(ARENAS, String.valueOf(arenas)));
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 8, 32})
    void shouldStartAThreadThatAllocatesInTheHeap(int arenas) throws Exception {
        assumeTrue(Platform.isLinux());
        String output = probe(arenas);
        assertTrue(output.contains("trains: true, daemon: true\n"), output);
    }

    @Test
    void shouldTellThreadsOfOtherArenasApart() throws Exception {
        assumeTrue(Platform.isLinux());
        String output = probe(32);
        int any = Integer.parseInt(output.lines().findFirst().orElseThrow().replace("any: ", ""));
        assertTrue(any < THREADS, output);
        assertTrue(probe(1).startsWith("any: " + THREADS + "\n"));
    }
}

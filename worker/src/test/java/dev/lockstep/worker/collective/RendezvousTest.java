package dev.lockstep.worker.collective;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.memory.SegmentLayout;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** More ranks than cores meet, each with its own view of the segment as in a process of its own. */
class RendezvousTest {
    private static final int RANKS = 8;
    private static final SegmentLayout LAYOUT = new SegmentLayout(RANKS, RANKS, 12, 3, 16, 0);
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final List<Segment> segments = new ArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();

    @BeforeEach
    void open() throws IOException {
        segments.add(Segment.create(LAYOUT, "test", 1));
        for (int rank = 1; rank < RANKS; rank++) {
            segments.add(Segment.open(segments.get(0).path(), LAYOUT, "test", 1));
        }
    }

    @AfterEach
    void close() throws IOException {
        threads.shutdownNow();
        for (int rank = RANKS - 1; rank >= 0; rank--) {
            segments.get(rank).close();
        }
    }

    /** A wake-up that is lost costs a quarter of a second, so that a thousand meetings tell. */
    @Test
    void shouldMeetAThousandTimesWithoutLosingAWakeUp() throws Exception {
        int meetings = 1000;
        long start = System.nanoTime();
        List<Future<Integer>> futures = new ArrayList<>();
        for (int rank = 0; rank < RANKS; rank++) {
            int own = rank;
            futures.add(threads.submit(() -> meet(segments.get(own), own, meetings)));
        }
        for (Future<Integer> future : futures) {
            assertEquals(0, future.get());
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        assertTrue(seconds < 15, meetings + " meetings took " + seconds + " s");
    }

    /** Returns how often a rank went on before another had come. */
    private static int meet(Segment segment, int own, int meetings) {
        Rendezvous rendezvous = new Rendezvous(segment, own, PATIENCE);
        int early = 0;
        for (int step = 0; step < meetings; step++) {
            segment.putLossShare(own, step);
            rendezvous.publish(Stage.BACKWARD_DONE, step);
            rendezvous.await(0, RANKS, Stage.BACKWARD_DONE, step);
            for (int other = 0; other < RANKS; other++) {
                early += segment.lossShare(other) == step ? 0 : 1;
            }
            rendezvous.publish(Stage.UPDATED, step);
            rendezvous.await(0, RANKS, Stage.UPDATED, step);
        }
        return early;
    }

    @Test
    void shouldNameWhoIsMissingAmongMany() {
        Rendezvous rendezvous = new Rendezvous(segments.get(3), 3, Duration.ofMillis(50));
        for (int rank : List.of(0, 1, 4, 5, 7)) {
            segments.get(rank).publishProgress(rank, Stage.REDUCED.progress(9));
        }

        LockstepException e = assertThrows(LockstepException.class, () -> rendezvous.await(0, RANKS, Stage.REDUCED, 9));

        assertEquals(FailureCategory.TIMEOUT, e.failure().category());
        assertTrue(e.getMessage().contains("which did not come from replica 2, 6:"), e.getMessage());
        assertTrue(rendezvous.takeWaitNanos() >= Duration.ofMillis(50).toNanos());
    }

    @Test
    void shouldEndEveryWaitByAbort() {
        List<Future<?>> waits = new ArrayList<>();
        for (int rank = 1; rank < RANKS; rank++) {
            Rendezvous rendezvous = new Rendezvous(segments.get(rank), rank, PATIENCE);
            waits.add(threads.submit(() -> rendezvous.await(0, 1, Stage.REPLICATED, 0)));
        }

        segments.get(0).abort();

        for (Future<?> wait : waits) {
            ExecutionException e = assertThrows(ExecutionException.class, wait::get);
            LockstepException cause = assertInstanceOf(LockstepException.class, e.getCause());
            assertEquals(FailureCategory.ABORTED, cause.failure().category());
        }
    }
}

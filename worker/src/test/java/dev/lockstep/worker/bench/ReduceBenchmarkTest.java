package dev.lockstep.worker.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.memory.SegmentLayout;
import dev.lockstep.worker.libtorch.LibTorch;
import java.nio.ByteBuffer;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Both ranks are threads here, each with a mapping of its own, and the gradients are few. */
class ReduceBenchmarkTest {
    private static final int FLOATS = 16 * 321;
    private static final int STATISTICS = 16 * 3;
    private static final SegmentLayout LAYOUT = new SegmentLayout(2, 2, 1, 10, FLOATS, STATISTICS);

    private final ExecutorService threads = Executors.newFixedThreadPool(2);

    @BeforeAll
    static void load() {
        LibTorch.load();
    }

    @AfterEach
    void stop() {
        threads.shutdownNow();
    }

    @Test
    void shouldTimeAReduceThatSumsUp() throws Exception {
        try (Segment segment = Segment.create(LAYOUT, "test", 0);
                Segment other = Segment.open(segment.path(), LAYOUT, "test", 0)) {
            Future<ReduceFigures> second = threads.submit(() -> ReduceBenchmark.measure(other, 1, 2, 5));
            ReduceFigures figures = threads.submit(() -> ReduceBenchmark.measure(segment, 0, 2, 5))
                    .get(1, TimeUnit.MINUTES);
            second.get(1, TimeUnit.MINUTES);

            assertEquals((long) FLOATS * Float.BYTES, figures.bytes());
            assertEquals(2, figures.ranks());
            assertTrue(figures.reduceMillis().median() > 0, figures::toString);
            assertTrue(figures.reduceMillis().p95() >= figures.reduceMillis().median(), figures::toString);
            assertTrue(figures.copyMillis().median() > 0, figures::toString);
            assertTrue(figures.replicateMillis().median() > 0, figures::toString);
            assertEquals(figures.reduceMillis().median() / figures.copyMillis().median(), figures.ratio());
            ByteBuffer sums = segment.gradients(0);
            for (int index = 0; index < FLOATS; index++) {
                assertEquals(1f, sums.getFloat(index * Float.BYTES));
                assertEquals(0.5f, segment.gradients(1).getFloat(index * Float.BYTES));
            }
        }
    }
}

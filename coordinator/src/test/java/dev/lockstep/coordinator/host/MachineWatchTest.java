package dev.lockstep.coordinator.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.report.Quality.Disturbance;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class MachineWatchTest {
    private static final long MILLI = 1_000_000;

    private static MachineSample swapped(long nanos, long pages) {
        return new MachineSample(nanos, null, null, null, null, null, null, pages, pages);
    }

    private static Disturbance end(MachineWatch watch) {
        return watch.end().toCompletableFuture().join();
    }

    @Test
    void shouldCompareTheEndWithTheBeginning() {
        List<Long> times = new ArrayList<>();
        try (MachineWatch watch = new MachineWatch(
                nanos -> {
                    times.add(nanos);
                    return swapped(nanos, 256L * times.size());
                },
                2)) {
            watch.begin();
            Disturbance found = end(watch);
            assertEquals(1.0, found.swappedInMiB());
            assertEquals((times.get(1) - times.get(0)) / 1e9, found.seconds(), 1e-12);
            assertEquals(0, found.latestHeartbeatMillis(), "no tick was due");
        }
    }

    @Test
    void shouldTickAndNoticeThatItIsLate() throws InterruptedException {
        // The time stands still but for the first sample, which takes 151 ms: the tick that is due 1 ms after its
        // beginning is late.
        AtomicLong clock = new AtomicLong();
        CountDownLatch ticked = new CountDownLatch(2);
        LongFunction<MachineSample> sampler = nanos -> {
            clock.set(151 * MILLI);
            ticked.countDown();
            return swapped(nanos, 0);
        };
        try (MachineWatch watch = new MachineWatch(sampler, 2, clock::get, Duration.ofMillis(1))) {
            watch.begin();
            assertTrue(ticked.await(10, TimeUnit.SECONDS), "it ticks on its own");
            Disturbance found = end(watch);
            assertEquals(150, found.latestHeartbeatMillis());
            assertEquals(List.of("The coordinator's timer was late by up to 150 ms."), found.notes());
        }
    }

    @Test
    void shouldReportAMachineThatCannotBeWatched() {
        LongFunction<MachineSample> sampler = nanos -> {
            throw new UncheckedIOException("cannot read /proc/stat", new IOException());
        };
        try (MachineWatch watch = new MachineWatch(sampler, 2)) {
            watch.begin();
            assertEquals(
                    List.of("The machine could not be watched to the end: cannot read /proc/stat."),
                    end(watch).notes());
        }
    }
}

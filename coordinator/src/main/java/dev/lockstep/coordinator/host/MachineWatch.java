package dev.lockstep.coordinator.host;

import dev.lockstep.common.report.Quality.Disturbance;
import dev.lockstep.common.threads.DaemonThreads;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;
import java.util.function.LongSupplier;

/**
 * Watches the machine while a measurement runs: a sample of its counters at the beginning, one a second, and one at the end, on a
 * thread of its own. How late that thread wakes up is a finding too.
 */
public final class MachineWatch implements AutoCloseable {
    private static final Duration PERIOD = Duration.ofSeconds(1);

    private final LongFunction<MachineSample> sampler;
    private final int processors;
    private final LongSupplier clock;
    private final long periodNanos;
    private final ScheduledExecutorService timer =
            Executors.newSingleThreadScheduledExecutor(DaemonThreads.named("machine-watch"));

    // The rest belongs to the timer's thread.
    private final List<MachineSample> samples = new ArrayList<>();
    private long latestNanos;
    private String failure;
    private ScheduledFuture<?> nextTick;

    /**
     * Makes a watch that has not begun.
     *
     * @param sampler takes a sample, given the time
     * @param processors how many logical processors Lockstep may use
     */
    public MachineWatch(LongFunction<MachineSample> sampler, int processors) {
        this(sampler, processors, System::nanoTime, PERIOD);
    }

    MachineWatch(LongFunction<MachineSample> sampler, int processors, LongSupplier clock, Duration period) {
        this.sampler = sampler;
        this.processors = processors;
        this.clock = clock;
        this.periodNanos = period.toNanos();
    }

    /** The measured steps begin. */
    public void begin() {
        timer.execute(() -> sampleAndGoOn(clock.getAsLong()));
    }

    /** The measured steps have ended; completes with what was found. */
    public CompletionStage<Disturbance> end() {
        return CompletableFuture.supplyAsync(
                () -> {
                    if (nextTick != null) {
                        nextTick.cancel(false);
                    }
                    sample(clock.getAsLong());
                    return Disturbances.of(samples, processors, latestNanos, failure);
                },
                timer);
    }

    private void sampleAndGoOn(long now) {
        sample(now);
        if (failure == null) {
            long due = now + periodNanos;
            nextTick = timer.schedule(() -> tick(due), due - clock.getAsLong(), TimeUnit.NANOSECONDS);
        }
    }

    private void tick(long due) {
        long now = clock.getAsLong();
        latestNanos = Math.max(latestNanos, now - due);
        sampleAndGoOn(now);
    }

    /** A machine that cannot be watched is a note in the report, not the end of a measurement. */
    private void sample(long now) {
        if (failure == null) {
            try {
                samples.add(sampler.apply(now));
            } catch (RuntimeException e) {
                failure = e.getMessage();
            }
        }
    }

    /** Ends the thread; does not wait for it. */
    @Override
    public void close() {
        timer.shutdownNow();
    }
}

package dev.lockstep.worker.step;

import dev.lockstep.common.work.GpuNanos;
import dev.lockstep.worker.cuda.CudaRuntime;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * The GPU's own clock: a mark is an event in the stream that the step computes in, and no one waits for it before the step's end. One
 * clock serves all steps of a measurement, one at a time.
 *
 * <p>Beside it the host's clock says how long the host took to launch the step: from its start to its last mark, without the time in
 * which it waited.
 */
final class EventClock implements PhaseClock, AutoCloseable {
    private static final double NANOS_PER_MILLI = 1e6;

    private final CudaRuntime runtime;
    private final LongSupplier hostNanos;
    private final List<Long> events = new ArrayList<>();
    private final List<Phase> marked = new ArrayList<>();
    private long started;
    private long lastMark;
    private long waited;

    /** @param hostNanos the host's clock */
    EventClock(CudaRuntime runtime, LongSupplier hostNanos) {
        this.runtime = runtime;
        this.hostNanos = hostNanos;
    }

    /** Begins a step. */
    void restart() {
        marked.clear();
        waited = 0;
        started = hostNanos.getAsLong();
        lastMark = started;
        record(0);
    }

    @Override
    public void mark(Phase phase) {
        marked.add(phase);
        record(marked.size());
        lastMark = hostNanos.getAsLong();
    }

    private void record(int index) {
        if (index == events.size()) {
            events.add(runtime.createEvent());
        }
        runtime.recordEvent(events.get(index), CudaRuntime.DEFAULT_STREAM);
    }

    @Override
    public <T> T waiting(Supplier<T> action) {
        long from = hostNanos.getAsLong();
        try {
            return action.get();
        } finally {
            waited += hostNanos.getAsLong() - from;
        }
    }

    @Override
    public StepTimes finish() {
        runtime.synchronize(CudaRuntime.DEFAULT_STREAM);
        Sums sums = new Sums();
        for (int i = 0; i < marked.size(); i++) {
            sums.add(marked.get(i), between(i, i + 1));
        }
        long launch = lastMark - started - waited;
        return new StepTimes(sums.phases(), new GpuNanos(launch, between(0, marked.size())));
    }

    private long between(int start, int end) {
        return start == end
                ? 0
                : Math.round(runtime.elapsedMillis(events.get(start), events.get(end)) * NANOS_PER_MILLI);
    }

    @Override
    public void close() {
        while (!events.isEmpty()) {
            runtime.destroyEvent(events.remove(events.size() - 1));
        }
    }
}

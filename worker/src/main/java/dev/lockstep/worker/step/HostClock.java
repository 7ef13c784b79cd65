package dev.lockstep.worker.step;

import java.util.function.Supplier;

/** The host's clock, for a device whose work is done when its call returns. */
final class HostClock implements PhaseClock {
    private final Sums sums = new Sums();
    private long last = System.nanoTime();

    @Override
    public void mark(Phase phase) {
        long now = System.nanoTime();
        sums.add(phase, now - last);
        last = now;
    }

    @Override
    public <T> T waiting(Supplier<T> action) {
        return action.get();
    }

    @Override
    public StepTimes finish() {
        return new StepTimes(sums.phases(), null);
    }
}

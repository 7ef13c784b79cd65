package dev.lockstep.worker.step;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.work.GpuNanos;
import dev.lockstep.common.work.PhaseNanos;
import dev.lockstep.worker.cuda.FakeCudaRuntime;
import dev.lockstep.worker.step.PhaseClock.Phase;
import dev.lockstep.worker.step.PhaseClock.StepTimes;
import org.junit.jupiter.api.Test;

class EventClockTest {
    private static final long EVENT_NANOS = 1_500_000;

    private final FakeCudaRuntime runtime = new FakeCudaRuntime();
    private long hostNanos;

    @Test
    void shouldTimePhasesOnTheGpuAndLaunchesOnTheHost() {
        try (EventClock clock = new EventClock(runtime, () -> hostNanos)) {
            clock.restart();
            hostNanos = 100;
            clock.mark(Phase.FORWARD);
            clock.waiting(() -> hostNanos += 1000);
            hostNanos += 30;
            clock.mark(Phase.REDUCE);
            clock.mark(Phase.OPTIMIZER);
            clock.mark(Phase.REDUCE);
            hostNanos += 5000;

            StepTimes times = clock.finish();

            assertEquals(new PhaseNanos(0, 0, EVENT_NANOS, 0, 0, 0, 2 * EVENT_NANOS, EVENT_NANOS), times.phases());
            assertEquals(new GpuNanos(130, 4 * EVENT_NANOS), times.gpu());
        }
        assertEquals(0, runtime.events.size());
    }

    @Test
    void shouldTimeOneStepAfterTheOtherWithTheSameEvents() {
        try (EventClock clock = new EventClock(runtime, () -> hostNanos)) {
            for (int step = 0; step < 3; step++) {
                clock.restart();
                clock.waiting(() -> hostNanos += 7);
                hostNanos += 20;
                clock.mark(Phase.BACKWARD);

                assertEquals(new GpuNanos(20, EVENT_NANOS), clock.finish().gpu());
                assertEquals(2, runtime.events.size());
            }
        }
    }

    @Test
    void shouldTimeAStepWithoutWork() {
        try (EventClock clock = new EventClock(runtime, () -> hostNanos)) {
            clock.restart();

            assertEquals(new GpuNanos(0, 0), clock.finish().gpu());
        }
    }

    @Test
    void shouldBringFailuresOfTheStepsKernelsToLight() {
        try (EventClock clock = new EventClock(runtime, () -> hostNanos)) {
            clock.restart();
            runtime.failure = new LockstepException(FailureCategory.DEVICE, "cudaErrorIllegalAddress");

            assertEquals(runtime.failure, assertThrows(LockstepException.class, clock::finish));
        }
    }
}

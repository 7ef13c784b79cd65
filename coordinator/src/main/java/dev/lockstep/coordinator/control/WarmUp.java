package dev.lockstep.coordinator.control;

import dev.lockstep.common.report.Quality;
import java.util.ArrayList;
import java.util.List;

/** A measurement's warm-up: it lasts until the step time is steady, within bounds. */
final class WarmUp {
    private final int leastSteps;
    private final int mostSteps;
    private final List<Long> stepNanos = new ArrayList<>();
    private boolean over;

    /**
     * Begins a warm-up.
     *
     * @param mostSteps it ends after so many, steady or not; equal to {@code leastSteps} for a fixed number
     */
    WarmUp(int leastSteps, int mostSteps) {
        if (leastSteps < 0 || mostSteps < leastSteps) {
            throw new IllegalArgumentException("a warm-up of at least " + leastSteps + " and at most " + mostSteps);
        }
        this.leastSteps = leastSteps;
        this.mostSteps = mostSteps;
        this.over = mostSteps == 0;
    }

    /** Whether what follows is measured. */
    boolean isOver() {
        return over;
    }

    /** Fewest steps that it has. */
    int leastSteps() {
        return leastSteps;
    }

    /** Steps it has taken so far; all it took once it is over. */
    int steps() {
        return stepNanos.size();
    }

    /** Most steps that it may come to have. */
    int mostSteps() {
        return over ? steps() : mostSteps;
    }

    /** Takes note of its next step, which may be its last. */
    void add(long nanos) {
        if (over) {
            throw new IllegalStateException("the warm-up is over");
        }
        stepNanos.add(nanos);
        over = steps() == mostSteps || (steps() >= leastSteps && canTell() && Steadiness.isSteady(stepNanos));
    }

    /** How it went. */
    Quality.WarmUp summary() {
        return new Quality.WarmUp(
                steps(), leastSteps, mostSteps, canTell() ? Boolean.valueOf(Steadiness.isSteady(stepNanos)) : null);
    }

    private boolean canTell() {
        return steps() >= Steadiness.WINDOW;
    }
}

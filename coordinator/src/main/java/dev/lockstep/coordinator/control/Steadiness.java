package dev.lockstep.coordinator.control;

import java.util.Arrays;
import java.util.List;

/**
 * Whether the time of a step is steady: of the last six steps, the medians of the first and the last three differ by no more than
 * 2 %, or than twice what one step usually differs from the next.
 *
 * <p>A median does not mind a single slow step. The comparison with the step-to-step difference tells a trend from scatter: steps that
 * scatter or alternate widely around one level are steady, while a trend moves a median by three times what it moves a step.
 */
final class Steadiness {
    /** Steps that are looked at. */
    static final int WINDOW = 6;

    private static final int HALF = WINDOW / 2;
    private static final double LEVEL_FRACTION = 0.02;
    private static final double STEP_DIFFERENCES = 2;

    private Steadiness() {}

    /**
     * Judges the last {@value #WINDOW} steps.
     *
     * @param stepNanos times of steps in order, at least {@value #WINDOW} of them
     */
    static boolean isSteady(List<Long> stepNanos) {
        if (stepNanos.size() < WINDOW) {
            throw new IllegalArgumentException(stepNanos.size() + " steps are too few to judge");
        }
        long[] last = stepNanos.subList(stepNanos.size() - WINDOW, stepNanos.size()).stream()
                .mapToLong(Long::longValue)
                .toArray();
        long before = median(Arrays.copyOfRange(last, 0, HALF));
        long now = median(Arrays.copyOfRange(last, HALF, WINDOW));
        long[] differences = new long[WINDOW - 1];
        for (int i = 0; i < differences.length; i++) {
            differences[i] = Math.abs(last[i + 1] - last[i]);
        }
        return Math.abs(now - before) <= Math.max(LEVEL_FRACTION * now, STEP_DIFFERENCES * median(differences));
    }

    /** Of an odd number of values. */
    private static long median(long[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }
}

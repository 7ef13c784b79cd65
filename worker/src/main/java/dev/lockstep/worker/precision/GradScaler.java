package dev.lockstep.worker.precision;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.LossScale;
import java.util.Map;

/**
 * The rules of torch.amp.GradScaler with its defaults: the scale starts at 65536, doubles after 2000 steps in a row without inf or nan,
 * and halves after each with one, whose optimizer step is skipped.
 */
public final class GradScaler {
    static final double INITIAL_SCALE = 65536;
    static final int GROWTH_INTERVAL = 2000;
    private static final double GROWTH_FACTOR = 2;
    private static final double BACKOFF_FACTOR = 0.5;
    /** Below it the reciprocal would not be a float any more. */
    private static final double LEAST_SCALE = Float.MIN_NORMAL;

    private static final String SCALE_KEY = "lockstep.scaler.scale";
    private static final String GROWTH_TRACKER_KEY = "lockstep.scaler.growth_tracker";
    private static final String SKIPPED_KEY = "lockstep.scaler.skipped";

    private LossScale state;

    /** A scaler at its start. */
    public GradScaler() {
        this(new LossScale(INITIAL_SCALE, 0, 0));
    }

    /** A scaler that goes on where another was. */
    public GradScaler(LossScale state) {
        this.state = state;
    }

    /** Where it stands. */
    public LossScale state() {
        return state;
    }

    /**
     * Ends a step.
     *
     * @param overflow whether its gradients held inf or nan, so that the optimizer did not step
     */
    public void update(boolean overflow) {
        if (overflow) {
            double scale = Math.max(LEAST_SCALE, state.scale() * BACKOFF_FACTOR);
            state = new LossScale(scale, 0, state.skippedSteps() + 1);
            return;
        }
        int goodSteps = state.growthTracker() + 1;
        if (goodSteps < GROWTH_INTERVAL) {
            state = new LossScale(state.scale(), goodSteps, state.skippedSteps());
            return;
        }
        double grown = state.scale() * GROWTH_FACTOR;
        // The loss is a float.
        double scale = Float.isFinite((float) grown) ? grown : state.scale();
        state = new LossScale(scale, 0, state.skippedSteps());
    }

    /** Its state as text that travels with a checkpoint. */
    public Map<String, String> toMetadata() {
        return Map.of(
                SCALE_KEY, Double.toString(state.scale()),
                GROWTH_TRACKER_KEY, Integer.toString(state.growthTracker()),
                SKIPPED_KEY, Integer.toString(state.skippedSteps()));
    }

    /**
     * The scaler of a checkpoint; one at its start when the checkpoint has none.
     *
     * @param metadata the checkpoint's text
     * @throws LockstepException if the text holds half a state or none that can be
     */
    public static GradScaler fromMetadata(Map<String, String> metadata) {
        String scale = metadata.get(SCALE_KEY);
        String growthTracker = metadata.get(GROWTH_TRACKER_KEY);
        String skipped = metadata.get(SKIPPED_KEY);
        if (scale == null && growthTracker == null && skipped == null) {
            return new GradScaler();
        }
        if (scale == null || growthTracker == null || skipped == null) {
            throw unusable(scale, growthTracker, skipped, null);
        }
        try {
            return new GradScaler(new LossScale(
                    Double.parseDouble(scale), Integer.parseInt(growthTracker), Integer.parseInt(skipped)));
        } catch (IllegalArgumentException e) {
            throw unusable(scale, growthTracker, skipped, e);
        }
    }

    private static LockstepException unusable(String scale, String growthTracker, String skipped, Throwable cause) {
        return new LockstepException(
                FailureCategory.USAGE,
                "the checkpoint's loss scaler cannot be restored: " + SCALE_KEY + " is " + scale + ", "
                        + GROWTH_TRACKER_KEY + " is " + growthTracker + ", " + SKIPPED_KEY + " is " + skipped
                        + "; take them out of its metadata to start a new one",
                cause);
    }
}

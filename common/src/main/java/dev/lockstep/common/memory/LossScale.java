package dev.lockstep.common.memory;

/**
 * Where a GradScaler stands.
 *
 * @param scale what the loss is multiplied with: positive and finite
 * @param growthTracker good steps since the scale last changed
 * @param skippedSteps optimizer steps that inf or nan prevented, from the first
 */
public record LossScale(double scale, int growthTracker, int skippedSteps) {
    public LossScale {
        if (!(scale > 0 && Double.isFinite(scale)) || growthTracker < 0 || skippedSteps < 0) {
            throw new IllegalArgumentException(
                    "no loss scale: " + scale + ", " + growthTracker + " good steps, " + skippedSteps + " skipped");
        }
    }
}

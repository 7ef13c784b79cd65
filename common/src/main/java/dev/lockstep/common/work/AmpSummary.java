package dev.lockstep.common.work;

/**
 * Mixed precision as it went on a replica.
 *
 * @param dtype what autocast really cast to: {@code float16} or {@code bfloat16}
 * @param finalScale the GradScaler's scale at the end; null where no scaler is used
 * @param skippedSteps optimizer steps that the scaler skipped for inf or nan
 */
public record AmpSummary(String dtype, Double finalScale, int skippedSteps) {}

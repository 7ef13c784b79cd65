package dev.lockstep.coordinator.verify;

import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;

/**
 * A trace that a verification needs.
 *
 * @param repetition tells traces apart that are taken to be the same, from 1
 */
public record TraceCase(Strategy strategy, Precision precision, int devices, Inputs inputs, int repetition) {
    /** Steps of every trace: the second one sees what the first one did to parameters and optimizer state. */
    public static final int STEPS = 2;

    /** Images of a step. */
    public int images() {
        return inputs.images(devices);
    }

    /** For people: {@code data-parallel, fp32, 2 devices, 7 images}. */
    public String label() {
        return "%s, %s, %d device%s, %d images%s"
                .formatted(
                        strategy.label(),
                        precision.label(),
                        devices,
                        devices == 1 ? "" : "s",
                        images(),
                        repetition == 1 ? "" : ", again");
    }
}

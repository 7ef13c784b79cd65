package dev.lockstep.coordinator.verify;

import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;

/**
 * A trace that a verification needs.
 *
 * @param repetition tells traces apart that are taken to be the same, from 1
 * @param launched whether a GPU's operators are launched one by one, though it would record its second step
 */
public record TraceCase(
        Strategy strategy, Precision precision, int devices, Inputs inputs, int repetition, boolean launched) {

    /** Steps of every trace: the second one sees what the first one did to parameters and optimizer state. */
    public static final int STEPS = 2;

    /** A trace with nothing out of the ordinary. */
    public TraceCase(Strategy strategy, Precision precision, int devices, Inputs inputs, int repetition) {
        this(strategy, precision, devices, inputs, repetition, false);
    }

    /** The same with operators launched one by one. */
    TraceCase launchedOneByOne() {
        return new TraceCase(strategy, precision, devices, inputs, repetition, true);
    }

    /** Images of a step. */
    public int images() {
        return inputs.images(devices);
    }

    /** For people: {@code data-parallel, fp32, 2 devices, 7 images}. */
    public String label() {
        return "%s, %s, %d device%s, %d images%s%s"
                .formatted(
                        strategy.label(),
                        precision.label(),
                        devices,
                        devices == 1 ? "" : "s",
                        images(),
                        repetition == 1 ? "" : ", again",
                        launched ? ", launched one by one" : "");
    }
}

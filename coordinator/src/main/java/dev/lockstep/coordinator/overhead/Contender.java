package dev.lockstep.coordinator.overhead;

import dev.lockstep.common.plan.Strategy;

/**
 * Who trains in one measurement of a round.
 *
 * @param devices how many, from the first on
 * @param strategy Lockstep's; null for bare loops side by side
 */
public record Contender(int devices, Strategy strategy) {
    /** Whether it is the bare loops. */
    public boolean isBare() {
        return strategy == null;
    }

    /** As in {@code 2 bare loops} and {@code Lockstep on 2 devices, all-reduce}. */
    public String label() {
        String plural = devices == 1 ? "" : "s";
        if (isBare()) {
            return devices + " bare loop" + plural;
        }
        return "Lockstep on " + devices + " device" + plural + (devices == 1 ? "" : ", " + strategy.label());
    }
}

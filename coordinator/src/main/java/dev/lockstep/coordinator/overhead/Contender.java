package dev.lockstep.coordinator.overhead;

import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Strategy;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * A way of Lockstep's to train, which is compared with as many bare loops.
 *
 * @param devices how many, from the first on
 */
public record Contender(int devices, Strategy strategy) {
    /** All of a plan. On one device all strategies are the same computation, and there is one. */
    public static List<Contender> of(Plan plan) {
        return plan.devices().stream()
                .flatMap(devices -> plan.strategies().stream()
                        .limit(devices == 1 ? 1 : Long.MAX_VALUE)
                        .map(strategy -> new Contender(devices, strategy)))
                .toList();
    }

    /**
     * The order in which a round takes them. Each round begins with another one, because a round has new processes, which are still getting
     * faster when they train for the first time.
     *
     * @param round from 0 on
     */
    public static List<Contender> inRound(List<Contender> contenders, int round) {
        List<Contender> order = new ArrayList<>(contenders);
        Collections.rotate(order, -round);
        return order;
    }

    /** As in {@code 1 device} and {@code 2 devices, all-reduce}. */
    public String label() {
        return devices == 1 ? "1 device" : devices + " devices, " + strategy.label();
    }
}

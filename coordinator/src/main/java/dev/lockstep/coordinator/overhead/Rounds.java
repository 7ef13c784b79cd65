package dev.lockstep.coordinator.overhead;

import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Strategy;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Measures bare loops and Lockstep in turn. Every second round goes the other way round, so that a machine that slows down or speeds up
 * favours neither.
 */
public final class Rounds {
    private final List<Contender> contenders = new ArrayList<>();
    private final int rounds;

    /** @param plan which device counts and strategies are compared */
    public Rounds(Plan plan, int rounds) {
        this.rounds = rounds;
        // The two kinds are not there at the same time, so that they are not mixed.
        plan.devices().forEach(devices -> contenders.add(new Contender(devices, null)));
        for (int devices : plan.devices()) {
            // On one device all strategies are the same computation.
            plan.strategies().stream()
                    .limit(devices == 1 ? 1 : Long.MAX_VALUE)
                    .forEach(strategy -> contenders.add(new Contender(devices, strategy)));
        }
    }

    /** All measurements in order. */
    public List<Contender> order() {
        List<Contender> order = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            List<Contender> turn = new ArrayList<>(contenders);
            if (round % 2 == 1) {
                Collections.reverse(turn);
            }
            order.addAll(turn);
        }
        return order;
    }

    /** Measures one after the other, and compares. */
    public List<Comparison> run(Function<Contender, Throughput> measure) {
        Map<Contender, List<Throughput>> measured = new HashMap<>();
        for (Contender contender : order()) {
            measured.computeIfAbsent(contender, key -> new ArrayList<>()).add(measure.apply(contender));
        }
        return contenders.stream()
                .filter(contender -> !contender.isBare())
                .map(contender -> compare(contender.devices(), contender.strategy(), measured))
                .toList();
    }

    private static Comparison compare(int devices, Strategy strategy, Map<Contender, List<Throughput>> measured) {
        return Comparison.of(
                devices,
                strategy,
                measured.get(new Contender(devices, null)),
                measured.get(new Contender(devices, strategy)));
    }
}

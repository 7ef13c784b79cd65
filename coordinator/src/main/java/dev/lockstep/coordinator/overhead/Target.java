package dev.lockstep.coordinator.overhead;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.lockstep.common.plan.Labelled;
import dev.lockstep.common.plan.Strategy;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a figure should be. The targets are for EfficientNet-B3 in FP32 on two cores.
 *
 * @param figure as measured; null where it was not
 * @param met null where nothing was measured
 */
public record Target(String name, Double figure, Bound bound, double limit, Boolean met) {
    private static final double ONE_DEVICE = 0.99;
    private static final double TWO_DEVICES = 0.97;
    private static final double TWO_WORKERS_MILLIS = 0.5;
    private static final double EIGHT_WORKERS_MILLIS = 1.5;
    private static final double P99_MILLIS = 10;
    private static final double REDUCE = 1.5;
    private static final double REPLICATE_MILLIS = 1;

    /** Which side of the limit is good. */
    public enum Bound implements Labelled {
        AT_LEAST("at-least"),
        AT_MOST("at-most");

        private final String label;

        Bound(String label) {
            this.label = label;
        }

        @Override
        @JsonValue
        public String label() {
            return label;
        }
    }

    private static Target atLeast(String name, Double figure, double limit) {
        return new Target(name, figure, Bound.AT_LEAST, limit, figure == null ? null : figure >= limit);
    }

    private static Target atMost(String name, Double figure, double limit) {
        return new Target(name, figure, Bound.AT_MOST, limit, figure == null ? null : figure <= limit);
    }

    /** Whether it was measured and is good. */
    boolean holds() {
        return Boolean.TRUE.equals(met);
    }

    /**
     * All targets with what was measured.
     *
     * @param reduceRatio the time of the reduce over that of the copies it must make; null where it was not measured
     */
    static List<Target> of(List<Comparison> training, List<EmptyStep> emptySteps, Double reduceRatio) {
        List<Target> targets = new ArrayList<>();
        targets.add(atLeast("Lockstep over bare, 1 device", ratio(training, 1, null), ONE_DEVICE));
        for (Strategy strategy : Strategy.values()) {
            targets.add(atLeast(
                    "Lockstep over bare, 2 devices, " + strategy.label(), ratio(training, 2, strategy), TWO_DEVICES));
        }
        empty(targets, emptySteps, 2, TWO_WORKERS_MILLIS);
        empty(targets, emptySteps, 8, EIGHT_WORKERS_MILLIS);
        targets.add(atMost("reduce over the copies it must make", reduceRatio, REDUCE));
        targets.add(atMost("replicate ms", replicateMillis(training), REPLICATE_MILLIS));
        return List.copyOf(targets);
    }

    private static void empty(List<Target> targets, List<EmptyStep> emptySteps, int workers, double limitMillis) {
        Optional<EmptyStep> empty = emptySteps.stream()
                .filter(step -> step.workers() == workers && !step.tls())
                .findFirst();
        String name = "empty step, " + workers + " workers, without TLS, ";
        targets.add(atMost(
                name + "median ms",
                empty.map(step -> step.stepMillis().median()).orElse(null),
                limitMillis));
        targets.add(atMost(
                name + "p99 ms", empty.map(step -> step.stepMillis().p99()).orElse(null), P99_MILLIS));
    }

    private static Double ratio(List<Comparison> training, int devices, Strategy strategy) {
        return find(training, devices, strategy)
                .map(comparison -> comparison.ratio().median())
                .orElse(null);
    }

    /** The largest median of a comparison on two or more devices. */
    private static Double replicateMillis(List<Comparison> training) {
        return training.stream()
                .filter(comparison -> comparison.devices() > 1)
                .map(comparison -> comparison.replicateMillis().median())
                .max(Double::compare)
                .orElse(null);
    }

    private static Optional<Comparison> find(List<Comparison> training, int devices, Strategy strategy) {
        return training.stream()
                .filter(comparison -> comparison.devices() == devices)
                .filter(comparison -> strategy == null || comparison.strategy() == strategy)
                .findFirst();
    }
}

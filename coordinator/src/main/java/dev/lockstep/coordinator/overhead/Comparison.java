package dev.lockstep.coordinator.overhead;

import dev.lockstep.common.plan.Strategy;
import dev.lockstep.coordinator.report.Spread;
import java.util.List;
import java.util.function.Function;

/**
 * Lockstep on some devices against as many bare loops side by side.
 *
 * @param strategy of Lockstep; on one device it makes no difference
 * @param bareImagesPerSecond median of the rounds
 * @param lockstepImagesPerSecond likewise
 * @param ratio Lockstep's images per second over the bare loops', round by round
 * @param inStepRatio the same over bare loops of which each waits for the slowest in every step
 * @param replicateMillis Lockstep's time in the replicate phase, round by round
 */
public record Comparison(
        int devices,
        Strategy strategy,
        double bareImagesPerSecond,
        double lockstepImagesPerSecond,
        Spread ratio,
        Spread inStepRatio,
        Spread replicateMillis,
        List<Round> rounds) {
    public Comparison {
        rounds = List.copyOf(rounds);
    }

    /**
     * One round.
     *
     * @param ratio Lockstep over bare
     * @param inStepRatio Lockstep over bare loops in step
     */
    public record Round(Throughput bare, Throughput lockstep, double ratio, double inStepRatio) {
        /** A round of what both sides came to. */
        public static Round of(Throughput bare, Throughput lockstep) {
            return new Round(
                    bare,
                    lockstep,
                    lockstep.imagesPerSecond() / bare.imagesPerSecond(),
                    lockstep.imagesPerSecond() / bare.inStepImagesPerSecond());
        }
    }

    /** Puts rounds together, of which there is at least one. */
    public static Comparison of(Contender contender, List<Round> rounds) {
        return new Comparison(
                contender.devices(),
                contender.strategy(),
                spread(rounds, round -> round.bare().imagesPerSecond()).median(),
                spread(rounds, round -> round.lockstep().imagesPerSecond()).median(),
                spread(rounds, Round::ratio),
                spread(rounds, Round::inStepRatio),
                spread(rounds, round -> round.lockstep().replicateMillis()),
                rounds);
    }

    private static Spread spread(List<Round> rounds, Function<Round, Double> figure) {
        return Spread.of(rounds.stream().map(figure).toList());
    }
}

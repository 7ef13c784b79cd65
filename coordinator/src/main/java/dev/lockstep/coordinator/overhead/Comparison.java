package dev.lockstep.coordinator.overhead;

import dev.lockstep.common.plan.Strategy;
import dev.lockstep.coordinator.report.Spread;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * Lockstep on some devices against as many bare loops side by side.
 *
 * @param strategy of Lockstep; on one device it makes no difference
 * @param bareImagesPerSecond mean over the rounds
 * @param lockstepImagesPerSecond likewise
 * @param ratio Lockstep's images per second over the bare loops', round by round
 * @param replicateMillis Lockstep's time in the replicate phase, round by round
 */
public record Comparison(
        int devices,
        Strategy strategy,
        double bareImagesPerSecond,
        double lockstepImagesPerSecond,
        Spread ratio,
        Spread replicateMillis,
        List<Round> rounds) {
    public Comparison {
        rounds = List.copyOf(rounds);
    }

    /**
     * One round.
     *
     * @param ratio Lockstep over bare
     */
    public record Round(Throughput bare, Throughput lockstep, double ratio) {}

    /** Puts rounds together; there is at least one, and both lists have it in the same place. */
    static Comparison of(int devices, Strategy strategy, List<Throughput> bare, List<Throughput> lockstep) {
        List<Round> rounds = new ArrayList<>();
        for (int round = 0; round < bare.size(); round++) {
            double ratio =
                    lockstep.get(round).imagesPerSecond() / bare.get(round).imagesPerSecond();
            rounds.add(new Round(bare.get(round), lockstep.get(round), ratio));
        }
        return new Comparison(
                devices,
                strategy,
                mean(rounds, round -> round.bare().imagesPerSecond()),
                mean(rounds, round -> round.lockstep().imagesPerSecond()),
                Spread.of(rounds.stream().map(Round::ratio).toList()),
                Spread.of(rounds.stream()
                        .map(round -> round.lockstep().phaseMillis().replicate())
                        .toList()),
                rounds);
    }

    private static double mean(List<Round> rounds, ToDoubleFunction<Round> figure) {
        return rounds.stream().mapToDouble(figure).average().orElseThrow();
    }
}

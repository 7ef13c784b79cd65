package dev.lockstep.coordinator.report;

import dev.lockstep.common.report.Quality.Disturbance;
import dev.lockstep.common.report.Quality.WarmUp;
import java.util.List;
import java.util.Objects;
import java.util.function.BinaryOperator;
import java.util.function.Function;

/** Makes one account of how rounds went. Of a single round it is that round's own. */
final class QualityTogether {
    private QualityTogether() {}

    /**
     * The warm-ups of all rounds: their steps and bounds added up.
     *
     * <p>Together they are steady if all were, not steady if any was not; null when that is open.
     *
     * @param ofRounds at least one
     */
    static WarmUp warmUp(List<WarmUp> ofRounds) {
        return new WarmUp(
                ofRounds.stream().mapToInt(WarmUp::steps).sum(),
                ofRounds.stream().mapToInt(WarmUp::least).sum(),
                ofRounds.stream().mapToInt(WarmUp::limit).sum(),
                steady(ofRounds.stream().map(WarmUp::steady).toList()));
    }

    private static Boolean steady(List<Boolean> ofRounds) {
        if (ofRounds.contains(false)) {
            return false;
        }
        return ofRounds.contains(null) ? null : Boolean.TRUE;
    }

    /**
     * What went on during the measured steps of all rounds. A figure is null when any round that was watched does not have it.
     *
     * @param ofRounds null for a round that nobody watched, which leaves the account to the others; null when there are none
     */
    static Disturbance disturbance(List<Disturbance> ofRounds) {
        List<Disturbance> watched = ofRounds.stream().filter(Objects::nonNull).toList();
        if (watched.isEmpty()) {
            return null;
        }
        Disturbance first = watched.get(0);
        return new Disturbance(
                watched.stream().flatMap(one -> one.notes().stream()).distinct().toList(),
                watched.stream().mapToDouble(Disturbance::seconds).sum(),
                first.processors(),
                mean(watched, Disturbance::otherProcessors),
                together(watched, Disturbance::otherProcessorsPeak, Math::max),
                mean(watched, Disturbance::stolenProcessors),
                together(watched, Disturbance::throttledMillis, Double::sum),
                together(watched, Disturbance::thermalThrottles, Long::sum),
                first.firstMegahertz(),
                together(watched, Disturbance::lowestMegahertz, Math::min),
                together(watched, Disturbance::swappedInMiB, Double::sum),
                together(watched, Disturbance::swappedOutMiB, Double::sum),
                together(watched, Disturbance::latestHeartbeatMillis, Math::max));
    }

    /** Each round counts as long as it was watched. */
    private static Double mean(List<Disturbance> rounds, Function<Disturbance, Double> figure) {
        if (rounds.size() == 1) {
            return figure.apply(rounds.get(0));
        }
        if (rounds.stream().map(figure).anyMatch(Objects::isNull)) {
            return null;
        }
        double seconds = rounds.stream().mapToDouble(Disturbance::seconds).sum();
        return rounds.stream()
                        .mapToDouble(one -> figure.apply(one) * one.seconds())
                        .sum()
                / seconds;
    }

    private static <T> T together(
            List<Disturbance> rounds, Function<Disturbance, T> figure, BinaryOperator<T> combination) {
        List<T> figures = rounds.stream().map(figure).toList();
        return figures.contains(null)
                ? null
                : figures.stream().reduce(combination).orElseThrow();
    }
}

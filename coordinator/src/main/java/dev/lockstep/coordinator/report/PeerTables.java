package dev.lockstep.coordinator.report;

import static dev.lockstep.coordinator.report.Figures.decimal;

import dev.lockstep.common.report.Peer;
import dev.lockstep.common.report.Peer.Ratio;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.ResultStatus;
import java.util.List;

/** The tables of what other programs did beside Lockstep; without a row where there were none. */
final class PeerTables {
    static final String EXPLANATION =
            "The ratio is Lockstep's images per second over the peer's in the same round: the median of the rounds, and their range.";

    private PeerTables() {}

    /** One row for each peer that has figures, if only of the rounds before one that failed. */
    static Table peers(Report report) {
        return new Table(
                List.of(
                        "Peer",
                        "Program",
                        "Compared with",
                        "Rounds",
                        "Step ms",
                        "± stddev",
                        "Images/s",
                        "Lockstep's",
                        "Ratio",
                        "Least",
                        "Most",
                        "Memory MiB"),
                3,
                measured(report).stream().map(peer -> row(peer, report)).toList());
    }

    private static List<String> row(Peer peer, Report report) {
        Ratio ratio = peer.ratio();
        return List.of(
                name(peer),
                peer.program(),
                peer.of(),
                Integer.toString(peer.rounds()),
                decimal(peer.stepMillis().mean(), 2),
                decimal(peer.stepMillis().stddev(), 2),
                decimal(peer.imagesPerSecond(), 2),
                decimal(lockstepImagesPerSecond(peer, report), 2),
                Figures.times(ratio == null ? null : (Double) ratio.median()),
                Figures.times(ratio == null ? null : (Double) ratio.min()),
                Figures.times(ratio == null ? null : (Double) ratio.max()),
                decimal(peer.memoryMiB().max(), 1));
    }

    /** What fits a terminal. */
    static Table summary(Report report) {
        return new Table(
                List.of("Compared with", "Peer", "Images/s", "Ratio", "Range"),
                2,
                measured(report).stream()
                        .map(peer -> List.of(
                                peer.of(),
                                name(peer),
                                decimal(peer.imagesPerSecond(), 2),
                                Figures.times(
                                        peer.ratio() == null
                                                ? null
                                                : (Double) peer.ratio().median()),
                                range(peer.ratio())))
                        .toList());
    }

    /** Peers without figures of all rounds, and why. */
    static Table notMeasured(Report report) {
        return new Table(
                List.of("Peer", "Compared with", "Status", "Category", "Reason"),
                5,
                report.peers().stream()
                        .filter(peer -> peer.status() != ResultStatus.OK)
                        .map(peer -> List.of(
                                peer.id(),
                                peer.of(),
                                peer.status().label(),
                                peer.error().category().label(),
                                peer.error().message()))
                        .toList());
    }

    private static List<Peer> measured(Report report) {
        return report.peers().stream().filter(peer -> peer.stepMillis() != null).toList();
    }

    /** Says beside figures that a later round has none. */
    private static String name(Peer peer) {
        return peer.status() == ResultStatus.OK
                ? peer.id()
                : "%s, %s in round %d".formatted(peer.id(), peer.status().label(), peer.rounds() + 1);
    }

    private static String range(Ratio ratio) {
        return ratio == null ? Figures.NONE : decimal(ratio.min(), 2) + " - " + decimal(ratio.max(), 2);
    }

    private static Double lockstepImagesPerSecond(Peer peer, Report report) {
        return report.results().stream()
                .filter(result -> result.id().equals(peer.of()) && result.imagesPerSecond() != null)
                .map(Result::imagesPerSecond)
                .findFirst()
                .orElse(null);
    }
}

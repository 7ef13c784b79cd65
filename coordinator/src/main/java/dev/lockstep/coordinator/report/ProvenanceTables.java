package dev.lockstep.coordinator.report;

import static dev.lockstep.coordinator.report.Figures.decimal;

import dev.lockstep.common.report.BatchSweep;
import dev.lockstep.common.report.BatchTry;
import dev.lockstep.common.report.Provenance.Round;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;

/** Tables of how the rows came about. They are empty where there is nothing to tell: one round at the batch that was asked for. */
final class ProvenanceTables {
    /** What is said before the table of rounds. */
    static final String ROUNDS =
            "Each round's own figures; a round's speed-up is over the baseline of the same round, and the row's is their geometric mean.";

    /** What is said before the table of tries. */
    static final String TRIES =
            "Each batch that was tried, with the memory of all replicas: an estimate of the need, and what they might use.";

    private ProvenanceTables() {}

    /** One row for each round of each configuration, where there is more than one. */
    static Table rounds(Report report) {
        List<List<String>> rows = new ArrayList<>();
        for (Result result : report.results()) {
            if (result.provenance() != null && result.provenance().plannedRounds() > 1) {
                int planned = result.provenance().plannedRounds();
                result.provenance().rounds().forEach(round -> rows.add(row(result, round, planned)));
            }
        }
        return new Table(
                List.of("Configuration", "Status", "Round", "Started", "Steps", "Step ms", "Images/s", "Speed-up"),
                2,
                rows);
    }

    private static List<String> row(Result result, Round round, int planned) {
        return List.of(
                result.id(),
                round.error() == null ? "ok" : round.error().category().label(),
                round.number() + " of " + planned,
                round.startedAt().truncatedTo(ChronoUnit.SECONDS).toString(),
                Integer.toString(round.steps()),
                decimal(round.meanStepMillis(), 2),
                decimal(round.imagesPerSecond(), 2),
                Figures.times(round.speedup()));
    }

    /** One row for each try of a search, and for each batch of a configuration that did not fit. */
    static Table tries(Report report) {
        List<List<String>> rows = new ArrayList<>();
        for (BatchSweep sweep : report.batchSweeps()) {
            String name = "search, %s, %s, %d device%s"
                    .formatted(
                            sweep.precision().label(),
                            sweep.strategy().label(),
                            sweep.deviceCount(),
                            sweep.deviceCount() == 1 ? "" : "s");
            sweep.tries().forEach(tried -> rows.add(row(name, tried)));
        }
        for (Result result : report.results()) {
            if (result.provenance() != null) {
                result.provenance().misfits().forEach(misfit -> rows.add(row(result.id(), misfit)));
            }
        }
        return new Table(
                List.of(
                        "Configuration",
                        "Fits",
                        "Per device",
                        "In all",
                        "Images/s",
                        "Needed MiB",
                        "Available MiB",
                        "Total MiB"),
                2,
                rows);
    }

    private static List<String> row(String name, BatchTry tried) {
        return List.of(
                name,
                tried.fits() ? "yes" : "no: " + tried.error().category().label(),
                Integer.toString(tried.batchPerDevice()),
                Integer.toString(tried.globalBatch()),
                decimal(tried.imagesPerSecond(), 2),
                decimal(tried.neededMiB(), 0),
                decimal(tried.availableMiB(), 0),
                decimal(tried.totalMiB(), 0));
    }
}

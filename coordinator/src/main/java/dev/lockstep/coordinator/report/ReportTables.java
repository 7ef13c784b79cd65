package dev.lockstep.coordinator.report;

import static dev.lockstep.coordinator.report.Figures.decimal;

import dev.lockstep.common.report.Quality;
import dev.lockstep.common.report.Quality.Disturbance;
import dev.lockstep.common.report.Quality.Interval;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.Result.MemoryMiB;
import dev.lockstep.common.report.Result.StepMillis;
import dev.lockstep.common.report.ResultStatus;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** The tables that the report's different forms share. */
final class ReportTables {
    private ReportTables() {}

    static List<Result> finished(Report report) {
        return report.results().stream()
                .filter(result -> result.status() == ResultStatus.OK)
                .toList();
    }

    /** Throughput and how it scales, one row for each finished measurement. */
    static Table scaling(Report report) {
        return new Table(
                List.of(
                        "Configuration",
                        "Devices",
                        "Images/step",
                        "Step ms",
                        "± stddev",
                        "p95 ms",
                        "Images/s",
                        "Speed-up",
                        "Efficiency",
                        "Memory MiB"),
                1,
                finished(report).stream().map(ReportTables::scalingRow).toList());
    }

    private static List<String> scalingRow(Result result) {
        StepMillis step = result.stepMillis();
        return List.of(
                result.id(),
                Integer.toString(result.deviceCount()),
                Integer.toString(result.imagesPerStep()),
                decimal(step.mean(), 2),
                decimal(step.stddev(), 2),
                decimal(step.p95(), 2),
                decimal(result.imagesPerSecond(), 2),
                Figures.times(result.speedup()),
                Figures.percent(result.efficiency()),
                decimal(maxMemoryMiB(result), 1));
    }

    /** What fits a terminal: {@link #scaling} in fewer columns. */
    static Table summary(Report report) {
        return new Table(
                List.of("Configuration", "Batch", "Step ms", "Images/s", "Speed-up", "Efficiency", "MiB"),
                1,
                finished(report).stream()
                        .map(result -> List.of(
                                result.id(),
                                Integer.toString(result.imagesPerStep()),
                                decimal(result.stepMillis().mean(), 1),
                                decimal(result.imagesPerSecond(), 2),
                                Figures.times(result.speedup()),
                                Figures.percent(result.efficiency()),
                                decimal(maxMemoryMiB(result), 0)))
                        .toList());
    }

    /** Mean milliseconds of each phase on replica 0. */
    static Table phases(Report report) {
        Stream<String> headings = Arrays.stream(Phase.values()).map(Phase::heading);
        return new Table(
                Stream.of(Stream.of("Configuration"), headings, Stream.of("Step"))
                        .flatMap(heading -> heading)
                        .toList(),
                1,
                finished(report).stream().map(ReportTables::phaseRow).toList());
    }

    private static List<String> phaseRow(Result result) {
        List<String> row = new ArrayList<>(List.of(result.id()));
        for (Phase phase : Phase.values()) {
            row.add(decimal(phase.millis(result.phaseMillis()), 2));
        }
        row.add(decimal(result.stepMillis().mean(), 2));
        return row;
    }

    /** Where ranks stood still, and how the training itself went. */
    static Table waiting(Report report) {
        return new Table(
                List.of(
                        "Configuration",
                        "Chunks",
                        "Wait at barriers, ms by rank",
                        "Memory, MiB by rank",
                        "Wait for data, ms",
                        "Final loss"),
                4,
                finished(report).stream().map(ReportTables::waitingRow).toList());
    }

    private static List<String> waitingRow(Result result) {
        MemoryMiB memory = result.memoryMiB();
        return List.of(
                result.id(),
                chunks(result),
                Figures.decimals(result.waitMillis().perDevice(), 2, ", "),
                memory == null ? Figures.NONE : Figures.decimals(memory.perDevice(), 1, ", "),
                decimal(result.dataWaitMillis(), 2),
                decimal(result.finalLoss(), 4));
    }

    /** How far the figures can be trusted. */
    static Table quality(Report report) {
        return new Table(
                List.of(
                        "Configuration",
                        "Disturbances",
                        "Warm-up",
                        "Steady",
                        "Steps",
                        "Mean ms, 95 % interval",
                        "Median ms",
                        "p5 to p95 ms",
                        "p99 ms",
                        "Outliers"),
                2,
                finished(report).stream()
                        .filter(result -> result.quality() != null)
                        .map(ReportTables::qualityRow)
                        .toList());
    }

    private static List<String> qualityRow(Result result) {
        StepMillis step = result.stepMillis();
        Quality quality = result.quality();
        Interval interval = quality.stepMillisInterval();
        return List.of(
                result.id(),
                watched(quality.disturbance()),
                Integer.toString(result.warmupSteps()),
                steady(quality.warmup()),
                Integer.toString(result.steps()),
                interval == null ? Figures.NONE : decimal(interval.low(), 2) + " to " + decimal(interval.high(), 2),
                decimal(step.median(), 2),
                decimal(step.p5(), 2) + " to " + decimal(step.p95(), 2),
                decimal(step.p99(), 2),
                Integer.toString(quality.outliers().count()));
    }

    private static String watched(Disturbance disturbance) {
        if (disturbance == null) {
            return "not watched";
        }
        return disturbance.notes().isEmpty() ? "none" : String.join(" ", disturbance.notes());
    }

    private static String steady(Quality.WarmUp warmUp) {
        if (warmUp.steady() == null) {
            return Figures.NONE;
        }
        return warmUp.steady() ? "yes" : "no";
    }

    /** What may have made a result's steps longer, a sentence each. */
    static List<String> disturbances(Result result) {
        return result.quality() == null || result.quality().disturbance() == null
                ? List.of()
                : result.quality().disturbance().notes();
    }

    /** What has no figures, and why. */
    static Table notMeasured(Report report) {
        return new Table(
                List.of("Configuration", "Status", "Category", "Reason"),
                4,
                report.results().stream()
                        .filter(result -> result.status() != ResultStatus.OK)
                        .map(result -> List.of(
                                result.id(),
                                result.status().label(),
                                result.error().category().label(),
                                result.error().message()))
                        .toList());
    }

    static Double maxMemoryMiB(Result result) {
        return result.memoryMiB() == null ? null : result.memoryMiB().max();
    }

    /** {@code 16 + 16}, with the number of idle devices if there are any. */
    static String chunks(Result result) {
        int idle = result.deviceCount() - result.chunks().size();
        String chunks =
                String.join(" + ", result.chunks().stream().map(String::valueOf).toList());
        return idle == 0 ? chunks : chunks + " (" + idle + " idle)";
    }
}

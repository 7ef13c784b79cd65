package dev.lockstep.coordinator.report;

import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.coordinator.report.ScalingChart.Curve;
import dev.lockstep.coordinator.report.ScalingChart.Point;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The plots of a report: four figures against the number of devices, and the phases of each configuration. */
final class Plots {
    private Plots() {}

    /** Only plots that have a figure to show. */
    static List<Plot> of(Report report) {
        List<Result> results = ReportTables.finished(report);
        List<Plot> plots = new ArrayList<>();
        Function<List<Result>, List<Curve>> none = any -> List.of();
        add(
                plots,
                results,
                "throughput",
                "Throughput",
                "images per second",
                Result::imagesPerSecond,
                Plots::proportional);
        add(
                plots,
                results,
                "step-time",
                "Mean time of a step",
                "milliseconds",
                result -> result.stepMillis().mean(),
                none);
        add(
                plots,
                results,
                "efficiency",
                "Scaling efficiency",
                "percent of ideal",
                Plots::efficiencyPercent,
                Plots::whole);
        add(
                plots,
                results,
                "memory",
                "Memory of the fullest device",
                memoryTitle(results),
                ReportTables::maxMemoryMiB,
                none);
        if (!results.isEmpty()) {
            plots.add(new Plot("phases", "Phases of a step on replica 0", PhaseChart.of(results)));
        }
        return plots;
    }

    private static void add(
            List<Plot> plots,
            List<Result> results,
            String name,
            String title,
            String figureTitle,
            Function<Result, Double> figure,
            Function<List<Result>, List<Curve>> ideals) {
        Curves names = new Curves(results);
        Map<String, List<Result>> byCurve = results.stream()
                .filter(result -> figure.apply(result) != null)
                .collect(Collectors.groupingBy(names::name, LinkedHashMap::new, Collectors.toList()));
        if (byCurve.isEmpty()) {
            return;
        }
        List<Curve> curves = byCurve.entrySet().stream()
                .map(entry -> new Curve(entry.getKey(), points(entry.getValue(), figure)))
                .toList();
        plots.add(new Plot(name, title, ScalingChart.of(title, figureTitle, curves, ideals.apply(results))));
    }

    private static List<Point> points(List<Result> results, Function<Result, Double> figure) {
        return results.stream()
                .map(result -> new Point(result.deviceCount(), figure.apply(result)))
                .sorted()
                .toList();
    }

    private static Double efficiencyPercent(Result result) {
        return result.efficiency() == null ? null : result.efficiency() * 100;
    }

    /** The ideal of an efficiency. */
    private static List<Curve> whole(List<Result> results) {
        return List.of(new Curve("ideal", List.of(new Point(0, 100), new Point(most(results), 100))));
    }

    /** The ideal of a throughput, one for each precision and batch: n devices are n times the one. */
    private static List<Curve> proportional(List<Result> results) {
        int most = most(results);
        Curves names = new Curves(results);
        return results.stream()
                .map(result -> Speedups.baseline(result, results))
                .flatMap(Optional::stream)
                .collect(Collectors.toMap(
                        names::idealName, Function.identity(), (one, other) -> one, LinkedHashMap::new))
                .entrySet()
                .stream()
                .map(ideal -> new Curve(
                        ideal.getKey(),
                        List.of(
                                new Point(0, 0),
                                new Point(most, ideal.getValue().imagesPerSecond() * most))))
                .toList();
    }

    private static int most(List<Result> results) {
        return results.stream().mapToInt(Result::deviceCount).max().orElseThrow();
    }

    private static String memoryTitle(List<Result> results) {
        String kinds = results.stream()
                .map(Result::memoryMiB)
                .filter(Objects::nonNull)
                .map(Result.MemoryMiB::kind)
                .filter(Objects::nonNull)
                .distinct()
                .collect(Collectors.joining(", "));
        return kinds.isEmpty() ? "MiB" : "MiB (" + kinds + ")";
    }
}

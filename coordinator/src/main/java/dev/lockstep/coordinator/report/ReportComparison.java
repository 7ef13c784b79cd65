package dev.lockstep.coordinator.report;

import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.coordinator.report.ReportFacts.Fact;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;

/** Two reports side by side, configuration by configuration. */
public final class ReportComparison {
    private final Report one;
    private final Report other;

    private record Configuration(Strategy strategy, Precision precision, int deviceCount, List<Integer> chunks) {
        static Configuration of(Result result) {
            return new Configuration(result.strategy(), result.precision(), result.deviceCount(), result.chunks());
        }
    }

    /**
     * A configuration that is in one of the reports or in both.
     *
     * @param one null where only the other report has it
     * @param other null where only the first report has it
     */
    public record Row(String id, Result one, Result other) {
        /** Images per second of the other over those of the first; null when either has none. */
        public Double ratio() {
            return hasFigures(one) && hasFigures(other) ? other.imagesPerSecond() / one.imagesPerSecond() : null;
        }

        /** Whether the first report has figures for it, so that a gate has something to hold the other one to. */
        public boolean isExpected() {
            return hasFigures(one);
        }

        /** What there is to say of it: a missing side, or a difference that may be chance; empty otherwise. */
        public String remark() {
            if (one == null || other == null) {
                return one == null ? "only in B" : "only in A";
            }
            if (!hasFigures(one) || !hasFigures(other)) {
                return hasFigures(one) ? "B " + reason(other) : "A " + reason(one);
            }
            return Noise.isChange(ratio(), one, other) ? "" : "no change beyond the noise";
        }

        private static boolean hasFigures(Result result) {
            return result != null && result.status() == ResultStatus.OK;
        }

        private static String reason(Result result) {
            return result.status().label() + ": " + result.error().message();
        }
    }

    public ReportComparison(Report one, Report other) {
        this.one = one;
        this.other = other;
    }

    /** The configurations of the first report in its order, then those of the other alone. */
    public List<Row> rows() {
        Map<Configuration, Result> left = byConfiguration(other);
        List<Row> rows = new ArrayList<>();
        for (Result result : one.results()) {
            rows.add(new Row(result.id(), result, left.remove(Configuration.of(result))));
        }
        left.values().forEach(result -> rows.add(new Row(result.id(), null, result)));
        return rows;
    }

    private static Map<Configuration, Result> byConfiguration(Report report) {
        Map<Configuration, Result> results = new LinkedHashMap<>();
        report.results().forEach(result -> results.putIfAbsent(Configuration.of(result), result));
        return results;
    }

    /** What else differs between the two, one line each: machine, versions, model, configuration. */
    public List<String> differences() {
        return Stream.<Function<Report, List<Fact>>>of(
                        ReportFacts::system, ReportFacts::devices, ReportFacts::model, ReportFacts::configuration)
                .flatMap(facts -> differences(facts.apply(one), facts.apply(other)))
                .toList();
    }

    private static Stream<String> differences(List<Fact> facts, List<Fact> others) {
        Map<String, String> values = new LinkedHashMap<>();
        facts.forEach(fact -> values.put(fact.name(), fact.value()));
        Map<String, String> otherValues = new LinkedHashMap<>();
        others.forEach(fact -> otherValues.put(fact.name(), fact.value()));
        return Stream.concat(values.keySet().stream(), otherValues.keySet().stream())
                .distinct()
                .filter(name ->
                        !values.getOrDefault(name, Figures.NONE).equals(otherValues.getOrDefault(name, Figures.NONE)))
                .map(name -> "%s: %s | %s"
                        .formatted(
                                name,
                                values.getOrDefault(name, Figures.NONE),
                                otherValues.getOrDefault(name, Figures.NONE)));
    }
}

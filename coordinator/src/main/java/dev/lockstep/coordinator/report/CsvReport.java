package dev.lockstep.coordinator.report;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.report.Peer;
import dev.lockstep.common.report.Provenance;
import dev.lockstep.common.report.Provenance.Batch;
import dev.lockstep.common.report.Provenance.Range;
import dev.lockstep.common.report.Quality.Disturbance;
import dev.lockstep.common.report.Quality.Interval;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.Result.MemoryMiB;
import dev.lockstep.common.report.Result.StepMillis;
import dev.lockstep.common.work.AmpSummary;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * {@code report.csv}: one row for each configuration, in full precision, by RFC 4180. Names are those of {@code report.json};
 * an empty field was not measured; lists are separated by semicolons. Rows of other programs follow; {@code peerOf} is theirs alone.
 */
final class CsvReport {
    private static final Map<String, Function<Result, Object>> COLUMNS = columns();

    private CsvReport() {}

    static String render(Report report) {
        StringBuilder csv = new StringBuilder(String.join(",", COLUMNS.keySet())).append("\r\n");
        for (Result result : report.results()) {
            csv.append(COLUMNS.values().stream()
                            .map(column -> field(column.apply(result)))
                            .collect(Collectors.joining(",")))
                    .append("\r\n");
        }
        for (Peer peer : report.peers()) {
            Map<String, Object> cells = PeerCells.of(peer, report);
            csv.append(COLUMNS.keySet().stream()
                            .map(column -> field(cells.get(column)))
                            .collect(Collectors.joining(",")))
                    .append("\r\n");
        }
        return csv.toString();
    }

    private static Map<String, Function<Result, Object>> columns() {
        Map<String, Function<Result, Object>> columns = new LinkedHashMap<>();
        columns.put("id", Result::id);
        columns.put("strategy", result -> result.strategy().label());
        columns.put("precision", result -> result.precision().label());
        columns.put("ampDtype", result -> of(result.amp(), AmpSummary::dtype));
        columns.put("ampFinalScale", result -> of(result.amp(), AmpSummary::finalScale));
        columns.put("ampSkippedSteps", result -> of(result.amp(), AmpSummary::skippedSteps));
        columns.put("tf32", Result::tf32);
        columns.put("deviceCount", Result::deviceCount);
        columns.put("devices", result -> list(result.devices()));
        columns.put("collective", Result::collective);
        columns.put("batchPerDevice", Result::batchPerDevice);
        columns.put("globalBatch", Result::globalBatch);
        columns.put("imagesPerStep", Result::imagesPerStep);
        columns.put("chunks", result -> list(result.chunks()));
        columns.put("warmupSteps", Result::warmupSteps);
        columns.put("steps", Result::steps);
        columns.put("status", result -> result.status().label());
        columns.put(
                "errorCategory",
                result -> of(result.error(), error -> error.category().label()));
        columns.put("errorMessage", result -> of(result.error(), Failure::message));
        columns.put("stepMillisMean", result -> of(result.stepMillis(), StepMillis::mean));
        columns.put("stepMillisMedian", result -> of(result.stepMillis(), StepMillis::median));
        columns.put("stepMillisP5", result -> of(result.stepMillis(), StepMillis::p5));
        columns.put("stepMillisP95", result -> of(result.stepMillis(), StepMillis::p95));
        columns.put("stepMillisP99", result -> of(result.stepMillis(), StepMillis::p99));
        columns.put("stepMillisStddev", result -> of(result.stepMillis(), StepMillis::stddev));
        columns.put("stepMillisMin", result -> of(result.stepMillis(), StepMillis::min));
        columns.put("stepMillisMax", result -> of(result.stepMillis(), StepMillis::max));
        columns.put("imagesPerSecond", Result::imagesPerSecond);
        columns.put("speedup", Result::speedup);
        columns.put("efficiency", Result::efficiency);
        columns.put("memoryMiBMax", result -> of(result.memoryMiB(), MemoryMiB::max));
        columns.put("memoryMiBPerDevice", result -> of(result.memoryMiB(), memory -> list(memory.perDevice())));
        columns.put("memoryMiBKind", result -> of(result.memoryMiB(), MemoryMiB::kind));
        for (Phase phase : Phase.values()) {
            columns.put("phaseMillis" + phase.heading(), result -> of(result.phaseMillis(), phase::millis));
        }
        columns.put("waitMillisPerDevice", result -> of(result.waitMillis(), wait -> list(wait.perDevice())));
        columns.put("dataWaitMillis", Result::dataWaitMillis);
        columns.put("finalLoss", Result::finalLoss);
        columns.put("parameterChecksum", Result::parameterChecksum);
        columns.put(
                "scaling",
                result -> of(result.provenance(), known -> known.scaling().label()));
        columns.put("speedupOver", result -> of(result.provenance(), Provenance::baseline));
        columns.put(
                "rounds",
                result -> of(result.provenance(), known -> known.rounds().size()));
        columns.put("speedupMin", result -> of(speedups(result), Range::min));
        columns.put("speedupMax", result -> of(speedups(result), Range::max));
        columns.put("halvedFromBatchPerDevice", result -> of(halvedFrom(result), Batch::batchPerDevice));
        columns.put("halvedFromGlobalBatch", result -> of(halvedFrom(result), Batch::globalBatch));
        columns.put(
                "warmupSteady",
                result -> of(result.quality(), quality -> quality.warmup().steady()));
        columns.put("stepMillisMeanLow95", result -> interval(result, Interval::low));
        columns.put("stepMillisMeanHigh95", result -> interval(result, Interval::high));
        columns.put(
                "outliers",
                result -> of(result.quality(), quality -> quality.outliers().count()));
        columns.put("otherProcessors", result -> disturbance(result, Disturbance::otherProcessors));
        columns.put("stolenProcessors", result -> disturbance(result, Disturbance::stolenProcessors));
        columns.put("disturbances", result -> disturbance(result, found -> String.join(" ", found.notes())));
        for (String ofPeers : PeerCells.COLUMNS) {
            columns.put(ofPeers, result -> null);
        }
        return columns;
    }

    private static Range speedups(Result result) {
        return result.provenance() == null ? null : result.provenance().speedupRange();
    }

    private static Batch halvedFrom(Result result) {
        return result.provenance() == null ? null : result.provenance().halvedFrom();
    }

    private static Object interval(Result result, Function<Interval, Object> figure) {
        return of(result.quality(), quality -> of(quality.stepMillisInterval(), figure));
    }

    private static Object disturbance(Result result, Function<Disturbance, Object> figure) {
        return of(result.quality(), quality -> of(quality.disturbance(), figure));
    }

    private static <T> Object of(T holder, Function<T, Object> figure) {
        return holder == null ? null : figure.apply(holder);
    }

    static String list(List<?> values) {
        return values.stream()
                .map(value -> value == null ? "" : value.toString())
                .collect(Collectors.joining(";"));
    }

    private static String field(Object value) {
        if (value == null) {
            return "";
        }
        String text = value.toString();
        boolean special = text.chars().anyMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
        return special ? '"' + text.replace("\"", "\"\"") + '"' : text;
    }
}

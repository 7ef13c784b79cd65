package dev.lockstep.coordinator.report;

import dev.lockstep.common.report.Peer;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result.StepMillis;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The row of a peer in {@code report.csv}, by column. */
final class PeerCells {
    private static final String OF = "peerOf";
    private static final String PROGRAM = "peerProgram";
    private static final String RATIO = "peerRatioMedian";
    private static final String RATIO_MIN = "peerRatioMin";
    private static final String RATIO_MAX = "peerRatioMax";

    /** The columns that only peers fill. */
    static final List<String> COLUMNS = List.of(OF, PROGRAM, RATIO, RATIO_MIN, RATIO_MAX);

    private PeerCells() {}

    /** What is known of a peer; its configuration is that of the result that it is compared with. */
    static Map<String, Object> of(Peer peer, Report report) {
        Map<String, Object> cells = new HashMap<>();
        cells.put("id", peer.id());
        cells.put(OF, peer.of());
        cells.put(PROGRAM, peer.program());
        cells.put("status", peer.status().label());
        report.results().stream()
                .filter(result -> result.id().equals(peer.of()))
                .findFirst()
                .ifPresent(result -> {
                    cells.put("precision", result.precision().label());
                    cells.put("deviceCount", result.deviceCount());
                    cells.put("batchPerDevice", result.batchPerDevice());
                    cells.put("globalBatch", result.globalBatch());
                    cells.put("imagesPerStep", result.imagesPerStep());
                    cells.put("chunks", CsvReport.list(result.chunks()));
                });
        if (peer.error() != null) {
            cells.put("errorCategory", peer.error().category().label());
            cells.put("errorMessage", peer.error().message());
        }
        if (peer.stepMillis() != null) {
            figures(peer, cells);
        }
        if (peer.ratio() != null) {
            cells.put(RATIO, peer.ratio().median());
            cells.put(RATIO_MIN, peer.ratio().min());
            cells.put(RATIO_MAX, peer.ratio().max());
        }
        return cells;
    }

    private static void figures(Peer peer, Map<String, Object> cells) {
        StepMillis step = peer.stepMillis();
        cells.put("steps", peer.samplesMillis().size());
        cells.put("stepMillisMean", step.mean());
        cells.put("stepMillisMedian", step.median());
        cells.put("stepMillisP5", step.p5());
        cells.put("stepMillisP95", step.p95());
        cells.put("stepMillisP99", step.p99());
        cells.put("stepMillisStddev", step.stddev());
        cells.put("stepMillisMin", step.min());
        cells.put("stepMillisMax", step.max());
        cells.put("imagesPerSecond", peer.imagesPerSecond());
        cells.put("memoryMiBMax", peer.memoryMiB().max());
        cells.put("memoryMiBPerDevice", CsvReport.list(peer.memoryMiB().perDevice()));
        cells.put("memoryMiBKind", peer.memoryMiB().kind());
        cells.put("finalLoss", peer.finalLoss());
    }
}

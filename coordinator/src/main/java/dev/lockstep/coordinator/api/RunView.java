package dev.lockstep.coordinator.api;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.time.Instant;
import java.util.List;

/**
 * {@code POST /api/v1/runs} (201), {@code GET /api/v1/runs/ID}, and, in an array, newest first, {@code GET /api/v1/runs}.
 *
 * @param status {@code queued}, {@code running}, or one of {@link dev.lockstep.common.report.RunStatus}
 * @param configuration the effective configuration, one line each, ready to print
 * @param reportDir absolute path of the report's folder
 * @param message why the run as a whole failed; null otherwise
 */
public record RunView(
        String id,
        String status,
        Instant submittedAt,
        List<String> configuration,
        List<MeasurementView> measurements,
        String reportDir,
        String message) {

    /** Whether nothing more will come. */
    @JsonIgnore
    public boolean isOver() {
        return !status.equals("queued") && !status.equals("running");
    }

    /**
     * A measurement's progress. With rounds each turn is one; a search for the largest batch adds them as it goes.
     *
     * @param id as in the report, with {@code /2} in the second of several rounds and {@code -try} for a batch that is tried
     * @param label for people: {@code 2 devices, fp32, data-parallel, batch 16+16, round 1 of 2}
     * @param state {@code waiting}, {@code preparing}, {@code warming-up}, {@code measuring}, or one of
     *     {@link dev.lockstep.common.report.ResultStatus}
     * @param stepsDone warm-up included
     * @param totalSteps warm-up included
     * @param imagesPerSecond once it is ok; null before
     * @param message why it failed or was skipped; null otherwise
     */
    public record MeasurementView(
            String id,
            String label,
            String state,
            long stepsDone,
            long totalSteps,
            Double imagesPerSecond,
            String message) {}
}

package dev.lockstep.coordinator.api;

import java.time.Instant;
import java.util.List;

/**
 * {@code GET /api/v1/status}.
 *
 * @param currentRun id of the run under way; null when idle
 * @param queuedRuns ids in the order they will run
 */
public record ClusterView(
        String lockstepVersion,
        Instant startedAt,
        String runDir,
        List<DeviceView> devices,
        String currentRun,
        List<String> queuedRuns) {}

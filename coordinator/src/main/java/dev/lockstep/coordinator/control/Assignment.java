package dev.lockstep.coordinator.control;

import dev.lockstep.coordinator.settings.RunRequest;
import java.nio.file.Path;
import java.time.Instant;

/**
 * A run that was accepted.
 *
 * @param reportDir absolute, made when the run was accepted
 * @param firstEpoch number of its first measurement within the cluster's life; the others follow
 */
record Assignment(String id, RunRequest request, Path reportDir, Instant submittedAt, long firstEpoch) {}

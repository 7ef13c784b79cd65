package dev.lockstep.coordinator.control;

import dev.lockstep.coordinator.settings.RunRequest;
import java.nio.file.Path;
import java.time.Instant;

/**
 * A run that was accepted.
 *
 * @param reportDir absolute, made when the run was accepted
 */
record Assignment(String id, RunRequest request, Path reportDir, Instant submittedAt) {}

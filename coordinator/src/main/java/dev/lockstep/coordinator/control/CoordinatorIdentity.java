package dev.lockstep.coordinator.control;

import java.nio.file.Path;
import java.time.Instant;

/**
 * Which cluster this is.
 *
 * @param devices how many it has
 */
public record CoordinatorIdentity(String version, Instant startedAt, Path runDir, int devices) {}

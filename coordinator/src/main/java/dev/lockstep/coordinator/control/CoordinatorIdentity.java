package dev.lockstep.coordinator.control;

import dev.lockstep.common.work.DeviceKind;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

/**
 * Which cluster this is.
 *
 * @param devices how many it has
 * @param kind what they are
 * @param notes what a reader of figures from these devices should know
 */
public record CoordinatorIdentity(
        String version, Instant startedAt, Path runDir, int devices, DeviceKind kind, List<String> notes) {
    public CoordinatorIdentity {
        notes = List.copyOf(notes);
    }
}

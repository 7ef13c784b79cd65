package dev.lockstep.coordinator.settings;

import dev.lockstep.common.plan.Plan;
import java.nio.file.Path;
import java.util.List;

/**
 * A run as it was asked for, every option decided.
 *
 * @param output the folder for the report; null for the run folder's own
 * @param configuration the effective configuration, one line an option, ready to print
 * @param notes what a reader of the figures should know
 */
public record RunRequest(Plan plan, Path output, List<String> configuration, List<String> notes) {
    public RunRequest {
        configuration = List.copyOf(configuration);
        notes = List.copyOf(notes);
    }
}

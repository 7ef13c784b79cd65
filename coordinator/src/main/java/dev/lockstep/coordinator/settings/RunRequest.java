package dev.lockstep.coordinator.settings;

import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.work.StateFiles;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * A run as it was asked for, every option decided.
 *
 * @param files where the weights come from and go to; those that are written belong to the plan's only measurement
 * @param output the folder for the report; null for the run folder's own
 * @param configuration the effective configuration, one line an option, ready to print
 * @param notes what a reader of the figures should know
 */
public record RunRequest(Plan plan, StateFiles files, Path output, List<String> configuration, List<String> notes) {
    public RunRequest {
        configuration = List.copyOf(configuration);
        notes = List.copyOf(notes);
    }

    /** The same with more notes. */
    public RunRequest withNotes(List<String> more) {
        return new RunRequest(
                plan,
                files,
                output,
                configuration,
                Stream.concat(notes.stream(), more.stream()).toList());
    }
}

package dev.lockstep.coordinator.overhead;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.report.SystemInfo;
import dev.lockstep.coordinator.report.AtomicFile;
import dev.lockstep.coordinator.report.ReportJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

/**
 * What Lockstep costs on a machine, as {@code lockstep overhead} writes it.
 *
 * @param system as a run's report has it; null when no run came to its end
 * @param plan what was trained in the comparisons
 * @param rounds how often each contender trained, each time in new processes
 * @param turnSeconds how long either side of a comparison trained while the other stood still
 * @param training empty when it failed
 * @param emptySteps likewise
 * @param reduce what the benchmark of the reduce printed; null when it failed
 * @param failures what could not be measured and why, one sentence each
 */
public record OverheadReport(
        String schema,
        Instant startedAt,
        Instant finishedAt,
        SystemInfo system,
        Plan plan,
        int rounds,
        long turnSeconds,
        List<Comparison> training,
        List<EmptyStep> emptySteps,
        JsonNode reduce,
        List<Target> targets,
        List<String> failures) {
    /** The version of this form. */
    public static final String SCHEMA = "lockstep.overhead/2";

    public OverheadReport {
        training = List.copyOf(training);
        emptySteps = List.copyOf(emptySteps);
        targets = List.copyOf(targets);
        failures = List.copyOf(failures);
    }

    /** The report of what was measured, finished now; see the fields. */
    public static OverheadReport of(
            Instant startedAt,
            SystemInfo system,
            Plan plan,
            int rounds,
            long turnSeconds,
            List<Comparison> training,
            List<EmptyStep> emptySteps,
            JsonNode reduce,
            List<String> failures) {
        return new OverheadReport(
                SCHEMA,
                startedAt,
                Instant.now(),
                system,
                plan,
                rounds,
                turnSeconds,
                training,
                emptySteps,
                reduce,
                Target.of(
                        training,
                        emptySteps,
                        reduce == null ? null : reduce.required("ratio").doubleValue()),
                failures);
    }

    /** Whether every target was measured and met. */
    public boolean meetsAllTargets() {
        return targets.stream().allMatch(Target::holds);
    }

    /**
     * Writes it as JSON.
     *
     * @throws LockstepException ENVIRONMENT if the file cannot be written
     */
    public void write(Path file) {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            AtomicFile.write(file, ReportJson.MAPPER.writeValueAsBytes(this));
        } catch (IOException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "%s cannot be written: %s; name another file with --output".formatted(file, e),
                    e);
        }
    }
}

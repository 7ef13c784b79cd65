package dev.lockstep.common.report;

import dev.lockstep.common.plan.Plan;
import java.time.Instant;
import java.util.List;

/**
 * The run itself.
 *
 * @param finishedAt null while it runs
 * @param notes what the user should know before reading a figure, for example that the defaults were made smaller
 */
public record RunInfo(
        String id, RunStatus status, Instant startedAt, Instant finishedAt, Plan plan, List<String> notes) {}

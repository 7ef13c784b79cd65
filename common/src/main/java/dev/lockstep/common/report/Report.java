package dev.lockstep.common.report;

import java.util.List;

/** Everything a run found out. */
public record Report(
        String schema,
        RunInfo run,
        SystemInfo system,
        ModelInfo model,
        List<Result> results,
        List<Observation> observations) {
    /** The version of this form. */
    public static final String SCHEMA = "lockstep.report/1";

    public Report {
        results = List.copyOf(results);
        observations = List.copyOf(observations);
    }
}

package dev.lockstep.common.report;

import java.util.List;

/**
 * Everything a run found out.
 *
 * @param peers the same work done by other programs; empty unless they were asked for
 */
public record Report(
        String schema,
        RunInfo run,
        SystemInfo system,
        ModelInfo model,
        List<Result> results,
        List<Observation> observations,
        List<Peer> peers) {
    /** The version of this form. */
    public static final String SCHEMA = "lockstep.report/1";

    public Report {
        results = List.copyOf(results);
        observations = List.copyOf(observations);
        peers = peers == null ? List.of() : List.copyOf(peers);
    }

    /** A report of Lockstep alone. */
    public Report(
            String schema,
            RunInfo run,
            SystemInfo system,
            ModelInfo model,
            List<Result> results,
            List<Observation> observations) {
        this(schema, run, system, model, results, observations, List.of());
    }
}

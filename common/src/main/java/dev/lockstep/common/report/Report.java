package dev.lockstep.common.report;

import java.util.List;

/**
 * Everything a run found out.
 *
 * @param batchSweeps the searches for the largest batch; empty unless the plan asks for it
 * @param peers the same work done by other programs; empty unless they were asked for
 */
public record Report(
        String schema,
        RunInfo run,
        SystemInfo system,
        ModelInfo model,
        List<Result> results,
        List<Observation> observations,
        List<BatchSweep> batchSweeps,
        List<Peer> peers) {
    /** The version of this form. */
    public static final String SCHEMA = "lockstep.report/1";

    public Report {
        results = List.copyOf(results);
        observations = List.copyOf(observations);
        batchSweeps = batchSweeps == null ? List.of() : List.copyOf(batchSweeps);
        peers = peers == null ? List.of() : List.copyOf(peers);
    }

    /** A report of Lockstep alone that searched for no batch. */
    public Report(
            String schema,
            RunInfo run,
            SystemInfo system,
            ModelInfo model,
            List<Result> results,
            List<Observation> observations) {
        this(schema, run, system, model, results, observations, List.of(), List.of());
    }
}

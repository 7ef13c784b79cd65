package dev.lockstep.coordinator.api;

/**
 * Where a running cluster is reached: {@code endpoint.json} in the run folder, readable by its owner alone, there from the moment
 * the cluster is ready until it stops.
 *
 * @param port of the HTTP API on 127.0.0.1
 * @param pid of the coordinator
 * @param token to send as {@code Authorization: Bearer TOKEN}
 */
public record Endpoint(int port, long pid, String token) {
    /** The file's name in the run folder. */
    public static final String FILE = "endpoint.json";
}

package dev.lockstep.common.work;

import java.util.List;

/**
 * What a worker process is started with. It travels as JSON in the environment variable {@link #VARIABLE}, which only the user's own
 * processes can read.
 *
 * @param deviceId the device it is for, as in {@code cpu:0}
 * @param kind what the device is
 * @param invitation how it introduces itself
 * @param parentPid the coordinator; the worker ends with it
 * @param seedPort the coordinator's cluster port on 127.0.0.1
 * @param threads intra-op threads of the replica
 * @param cpus logical processors the training thread is pinned to; empty for none
 * @param stepTimeoutMillis how long a replica waits for another
 * @param tls keys of the cluster; null when its transport is plain TCP
 */
public record WorkerSettings(
        String deviceId,
        DeviceKind kind,
        Invitation invitation,
        long parentPid,
        int seedPort,
        int threads,
        List<Integer> cpus,
        long stepTimeoutMillis,
        TlsKeys tls) {
    /** The environment variable that carries it. */
    public static final String VARIABLE = "LOCKSTEP_WORKER";

    public WorkerSettings {
        cpus = List.copyOf(cpus);
    }

    /** Leaves the secrets out. */
    @Override
    public String toString() {
        return "worker for " + deviceId + ", " + threads + " threads on processors " + cpus;
    }
}

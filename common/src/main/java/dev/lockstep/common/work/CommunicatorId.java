package dev.lockstep.common.work;

import java.util.Base64;

/**
 * What the replicas of a measurement find each other by under NCCL: made by replica 0's worker, and good for one communicator. Whoever
 * knows it can join in replica 0's stead, so that it travels on the cluster's own channel alone: never in a file, never in a log.
 *
 * @param base64 of the library's {@code ncclUniqueId}
 */
public record CommunicatorId(String base64) {
    /** Of the library's bytes. */
    public static CommunicatorId of(byte[] bytes) {
        return new CommunicatorId(Base64.getEncoder().encodeToString(bytes));
    }

    /** The library's bytes. */
    public byte[] bytes() {
        return Base64.getDecoder().decode(base64);
    }

    /** Leaves the secret out. */
    @Override
    public String toString() {
        return "communicator id";
    }
}

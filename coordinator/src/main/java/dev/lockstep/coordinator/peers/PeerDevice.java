package dev.lockstep.coordinator.peers;

import java.util.List;

/**
 * A device as Lockstep's replica has it.
 *
 * @param id as in {@code cpu:0}
 * @param cpus logical processors it is pinned to; null when it is not pinned
 */
public record PeerDevice(String id, List<Integer> cpus) {
    public PeerDevice {
        cpus = cpus == null ? null : List.copyOf(cpus);
    }
}

package dev.lockstep.coordinator.workers;

import java.util.List;

/**
 * A place for one replica.
 *
 * @param id as in {@code cpu:0}
 * @param name what the hardware is called
 * @param cpus logical processors of the replica
 * @param threads intra-op threads of the replica
 */
public record Device(String id, String name, List<Integer> cpus, int threads) {
    public Device {
        cpus = List.copyOf(cpus);
    }
}

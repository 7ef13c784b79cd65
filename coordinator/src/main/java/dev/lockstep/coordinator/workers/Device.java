package dev.lockstep.coordinator.workers;

import dev.lockstep.common.work.DeviceKind;
import java.util.List;

/**
 * A place for one replica.
 *
 * @param id as in {@code cpu:0}
 * @param kind what it is
 * @param name what the hardware is called
 * @param cpus logical processors of the replica
 * @param threads intra-op threads of the replica
 */
public record Device(String id, DeviceKind kind, String name, List<Integer> cpus, int threads) {
    public Device {
        cpus = List.copyOf(cpus);
    }
}

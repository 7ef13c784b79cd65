package dev.lockstep.coordinator.workers;

import dev.lockstep.common.work.DeviceKind;
import dev.lockstep.coordinator.gpu.Gpu;
import java.util.List;

/**
 * A place for one replica.
 *
 * @param id as in {@code cpu:0}, {@code cuda:0}, or {@code cuda:0#1} for one of several on a GPU
 * @param kind what it is
 * @param name what the hardware is called
 * @param cpus logical processors of the replica
 * @param threads intra-op threads of the replica
 * @param gpu which it is; null for a CPU device
 */
public record Device(String id, DeviceKind kind, String name, List<Integer> cpus, int threads, Gpu gpu) {
    public Device {
        cpus = List.copyOf(cpus);
    }

    /** A share of the CPU. */
    static Device cpu(int index, String name, List<Integer> cpus, int threads) {
        return new Device("cpu:" + index, DeviceKind.CPU, name, cpus, threads, null);
    }
}

package dev.lockstep.coordinator.api;

import com.fasterxml.jackson.annotation.JsonIgnore;
import dev.lockstep.common.work.ComputeCapability;

/**
 * {@code GET /api/v1/devices}: an array of these.
 *
 * @param id as in {@code cpu:0}
 * @param name what the hardware is called
 * @param state {@code starting}, {@code ready}, {@code busy}, {@code stopping} or {@code dead}
 * @param cpus logical processors the replica is pinned to, as in {@code 0-1}; null when it is not pinned
 * @param memoryMiB the device's own memory; null for a CPU device
 * @param pid of the worker process; null when there is none
 * @param memoryUsedMiB of a GPU, by all processes, a moment ago; null for a CPU device
 * @param utilizationPercent of a GPU: time in which it computed, a moment ago; null for a CPU device
 * @param computeCapability of a GPU, as in {@code 9.0}; null for a CPU device
 */
public record DeviceView(
        String id,
        String name,
        String state,
        String cpus,
        Long memoryMiB,
        Long pid,
        Long memoryUsedMiB,
        Integer utilizationPercent,
        String computeCapability) {

    /** Whether this is a GPU. The capability tells it, so that JSON needs no field of its own. */
    @JsonIgnore
    public boolean isGpu() {
        return computeCapability != null;
    }

    /** Whether it can compute in TF32. */
    public boolean hasTf32() {
        return isGpu() && ComputeCapability.parse(computeCapability).hasTf32();
    }

    /** The same with how a GPU is used. */
    public DeviceView withUse(Long usedMiB, Integer percent) {
        return new DeviceView(id, name, state, cpus, memoryMiB, pid, usedMiB, percent, computeCapability);
    }
}

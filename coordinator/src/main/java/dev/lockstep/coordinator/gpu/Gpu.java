package dev.lockstep.coordinator.gpu;

import dev.lockstep.common.work.ComputeCapability;

/**
 * An NVIDIA GPU.
 *
 * @param index as {@code nvidia-smi} counts
 * @param uuid what CUDA and NVML know it by, whatever the order
 * @param major of its compute capability
 * @param minor of its compute capability
 * @param pciBusId as in {@code 00000000:18:00.0}
 */
public record Gpu(int index, String uuid, String name, long memoryMiB, int major, int minor, String pciBusId) {
    /** As in {@code 9.0}. */
    public String computeCapability() {
        return capability().toString();
    }

    /** Whether it can compute in TF32. */
    public boolean hasTf32() {
        return capability().hasTf32();
    }

    private ComputeCapability capability() {
        return new ComputeCapability(major, minor);
    }
}

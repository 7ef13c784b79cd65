package dev.lockstep.coordinator.gpu;

import java.util.List;

/**
 * What the NVIDIA driver tells of its GPUs; indices are {@code nvidia-smi}'s. Any thread may call. A failure is a
 * {@link dev.lockstep.common.failure.LockstepException} of category ENVIRONMENT with the driver's own words.
 */
public interface Nvml {
    /** As in {@code 580.95.05}. */
    String driverVersion();

    /** The newest CUDA that the driver serves: 1000 times major and 10 times minor, as in 12040. */
    int cudaVersion();

    /** Every GPU that this process may see, whatever {@code CUDA_VISIBLE_DEVICES} says. */
    List<Gpu> gpus();

    /** The way between two different GPUs. */
    GpuLink link(Gpu first, Gpu second);

    /** NVLinks of a GPU that are up. */
    int activeNvLinks(Gpu gpu);

    /** Logical processors on the GPU's own NUMA node, as the kernel counts them; empty where the driver does not tell. */
    List<Integer> nearProcessors(Gpu gpu);

    /** How the GPU is doing now. */
    GpuReading read(Gpu gpu);
}

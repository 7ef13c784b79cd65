package dev.lockstep.coordinator.gpu;

/** The NVIDIA driver of this machine, or why there is none. */
public sealed interface GpuDriver {
    /** It is there, and may have GPUs. */
    record Present(Nvml nvml) implements GpuDriver {}

    /**
     * There is none.
     *
     * @param reason how that shows, for the middle of a sentence
     */
    record Absent(String reason) implements GpuDriver {}
}

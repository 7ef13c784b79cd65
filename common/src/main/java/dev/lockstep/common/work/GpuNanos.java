package dev.lockstep.common.work;

/**
 * One step of one rank on its GPU, in nanoseconds.
 *
 * @param launch host time from the step's start until its last work was launched, without waits
 * @param run the GPU's time from its first work of the step to its last, gaps included
 */
public record GpuNanos(long launch, long run) {}

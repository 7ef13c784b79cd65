package dev.lockstep.coordinator.host;

/**
 * One look at the machine's counters. A figure is null where the platform does not tell.
 *
 * @param nanos when, by {@link System#nanoTime}
 * @param busyTicks processor time that processes have used since boot, on the processors that Lockstep may use; 1/100 s each, as all ticks
 * @param stolenTicks time the hypervisor took from those processors
 * @param clusterTicks processor time that the cluster's own processes have used
 * @param throttledNanos time for which the quota of a control group held the cluster back, summed over processors
 * @param thermalThrottles times a processor was slowed down for heat, of the one with the most
 * @param megahertz clock of the fastest processor
 * @param swappedInPages 4 KiB each
 * @param swappedOutPages likewise
 */
public record MachineSample(
        long nanos,
        Long busyTicks,
        Long stolenTicks,
        Long clusterTicks,
        Long throttledNanos,
        Long thermalThrottles,
        Double megahertz,
        Long swappedInPages,
        Long swappedOutPages) {}

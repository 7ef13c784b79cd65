package dev.lockstep.common.report;

import java.util.List;

/**
 * How a measurement's GPUs fared while its measured steps ran: sampled at the first and the last of them and every second between.
 *
 * @param perDevice in rank order
 * @param disturbances what makes the figures doubtful, a sentence each; empty when nothing was seen
 */
public record GpuConditions(List<OfGpu> perDevice, List<String> disturbances) {
    public GpuConditions {
        perDevice = List.copyOf(perDevice);
        disturbances = List.copyOf(disturbances);
    }

    /**
     * One GPU. What it does not tell is null.
     *
     * @param device its id
     * @param samples how many were taken
     * @param throttleReasons why its clocks were held down in any of them
     * @param mostOtherProcesses the most processes in any of them that were none of this cluster's
     */
    public record OfGpu(
            String device,
            int samples,
            Range smClockMHz,
            Range memoryClockMHz,
            Range powerWatts,
            Range temperatureCelsius,
            List<String> throttleReasons,
            int mostOtherProcesses) {
        public OfGpu {
            throttleReasons = List.copyOf(throttleReasons);
        }
    }

    /** Of the samples. */
    public record Range(double min, double mean, double max) {}
}

package dev.lockstep.common.report;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

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

    /** Of several rounds on the same GPUs; null of none. */
    public static GpuConditions together(List<GpuConditions> rounds) {
        if (rounds.isEmpty()) {
            return null;
        }
        List<OfGpu> devices = new ArrayList<>(rounds.get(0).perDevice);
        for (GpuConditions round : rounds.subList(1, rounds.size())) {
            for (int rank = 0; rank < devices.size(); rank++) {
                devices.set(rank, devices.get(rank).with(round.perDevice.get(rank)));
            }
        }
        return new GpuConditions(
                devices,
                rounds.stream()
                        .flatMap(round -> round.disturbances.stream())
                        .distinct()
                        .toList());
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

        private OfGpu with(OfGpu later) {
            return new OfGpu(
                    device,
                    samples + later.samples,
                    Range.of(smClockMHz, samples, later.smClockMHz, later.samples),
                    Range.of(memoryClockMHz, samples, later.memoryClockMHz, later.samples),
                    Range.of(powerWatts, samples, later.powerWatts, later.samples),
                    Range.of(temperatureCelsius, samples, later.temperatureCelsius, later.samples),
                    Stream.concat(throttleReasons.stream(), later.throttleReasons.stream())
                            .distinct()
                            .toList(),
                    Math.max(mostOtherProcesses, later.mostOtherProcesses));
        }
    }

    /** Of the samples. */
    public record Range(double min, double mean, double max) {
        /** Of both; null where either is not known. */
        private static Range of(Range one, int samples, Range other, int otherSamples) {
            if (one == null || other == null) {
                return null;
            }
            double mean = (one.mean * samples + other.mean * otherSamples) / (samples + otherSamples);
            return new Range(Math.min(one.min, other.min), mean, Math.max(one.max, other.max));
        }
    }
}

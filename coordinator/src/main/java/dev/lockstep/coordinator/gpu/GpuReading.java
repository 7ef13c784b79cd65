package dev.lockstep.coordinator.gpu;

import java.util.List;
import java.util.Set;

/**
 * How a GPU is doing at a moment. What it does not tell is null, or an empty list.
 *
 * @param utilizationPercent time in which a kernel ran, within the driver's last sample period
 * @param throttling why its clocks are held down
 * @param processes ids of the processes that compute on it; in a container these may be the host's
 */
public record GpuReading(
        Integer smClockMHz,
        Integer memoryClockMHz,
        Double powerWatts,
        Integer temperatureCelsius,
        Integer utilizationPercent,
        Long memoryUsedMiB,
        Set<ThrottleReason> throttling,
        List<Long> processes) {

    public GpuReading {
        throttling = Set.copyOf(throttling);
        processes = List.copyOf(processes);
    }
}

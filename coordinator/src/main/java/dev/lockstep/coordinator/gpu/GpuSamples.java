package dev.lockstep.coordinator.gpu;

import dev.lockstep.common.report.GpuConditions.OfGpu;
import dev.lockstep.common.report.GpuConditions.Range;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;

/** What was read of one GPU, and what it comes to. Not thread-safe. */
final class GpuSamples {
    private final String deviceId;
    private final int ownWorkers;
    private final List<GpuReading> readings = new ArrayList<>();

    /**
     * Without readings yet.
     *
     * @param ownWorkers of the cluster's workers, how many are on this GPU
     */
    GpuSamples(String deviceId, int ownWorkers) {
        this.deviceId = deviceId;
        this.ownWorkers = ownWorkers;
    }

    String deviceId() {
        return deviceId;
    }

    void add(GpuReading reading) {
        readings.add(reading);
    }

    OfGpu conditions() {
        return new OfGpu(
                deviceId,
                readings.size(),
                range(GpuReading::smClockMHz),
                range(GpuReading::memoryClockMHz),
                range(GpuReading::powerWatts),
                range(GpuReading::temperatureCelsius),
                throttleReasons(),
                readings.stream().mapToInt(this::others).max().orElse(0));
    }

    /** Processes beyond the cluster's own. They are counted, not compared by id: a container sees other ids than the driver. */
    private int others(GpuReading reading) {
        return Math.max(0, reading.processes().size() - ownWorkers);
    }

    private List<String> throttleReasons() {
        return readings.stream()
                .flatMap(reading -> reading.throttling().stream())
                .distinct()
                .sorted()
                .map(ThrottleReason::label)
                .toList();
    }

    /** Null when no reading has the figure. */
    private Range range(Function<GpuReading, ? extends Number> figure) {
        DoubleSummaryStatistics statistics = readings.stream()
                .map(figure)
                .filter(Objects::nonNull)
                .collect(Collectors.summarizingDouble(Number::doubleValue));
        return statistics.getCount() == 0
                ? null
                : new Range(statistics.getMin(), statistics.getAverage(), statistics.getMax());
    }

    List<String> disturbances() {
        List<String> sentences = new ArrayList<>();
        long throttled = readings.stream()
                .filter(reading -> !reading.throttling().isEmpty())
                .count();
        if (throttled > 0) {
            Range clock = range(GpuReading::smClockMHz);
            sentences.add("%s was throttled in %d of %d samples (%s)%s."
                    .formatted(
                            deviceId,
                            throttled,
                            readings.size(),
                            String.join(", ", throttleReasons()),
                            clock == null
                                    ? ""
                                    : ": its SM clock was between %.0f and %.0f MHz"
                                            .formatted(clock.min(), clock.max())));
        }
        long shared = readings.stream().filter(reading -> others(reading) > 0).count();
        if (shared > 0) {
            sentences.add(
                    "Other processes computed on %s in %d of %d samples.".formatted(deviceId, shared, readings.size()));
        }
        return sentences;
    }
}

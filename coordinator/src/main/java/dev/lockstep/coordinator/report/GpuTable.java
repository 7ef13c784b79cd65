package dev.lockstep.coordinator.report;

import static dev.lockstep.coordinator.report.Figures.decimal;

import dev.lockstep.common.report.GpuConditions.OfGpu;
import dev.lockstep.common.report.GpuConditions.Range;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.SystemInfo;
import java.util.List;
import java.util.stream.Collectors;

/** How the GPUs fared, and what they are. */
final class GpuTable {
    private GpuTable() {}

    /** A row for each GPU of each measurement; empty on CPU devices. */
    static Table of(Report report) {
        return new Table(
                List.of(
                        "Configuration",
                        "GPU",
                        "SM clock, MHz",
                        "Power, W",
                        "Temperature, °C",
                        "Throttled by",
                        "Other processes"),
                6,
                report.results().stream()
                        .filter(result -> result.gpus() != null)
                        .flatMap(result -> result.gpus().perDevice().stream().map(gpu -> row(result, gpu)))
                        .toList());
    }

    private static List<String> row(Result result, OfGpu gpu) {
        return List.of(
                result.id(),
                gpu.device(),
                range(gpu.smClockMHz()),
                range(gpu.powerWatts()),
                range(gpu.temperatureCelsius()),
                gpu.throttleReasons().isEmpty() ? "nothing" : String.join(", ", gpu.throttleReasons()),
                Integer.toString(gpu.mostOtherProcesses()));
    }

    /** The mean, and from where to where. */
    private static String range(Range range) {
        return range == null
                ? Figures.NONE
                : "%s (%s to %s)".formatted(decimal(range.mean(), 0), decimal(range.min(), 0), decimal(range.max(), 0));
    }

    /** What a GPU is, after its name. */
    static String description(SystemInfo.Gpu gpu) {
        String links = gpu.links().stream()
                .map(link -> "%s to %s%s"
                        .formatted(link.kind(), link.device(), link.peerAccess() ? "" : " without peer access"))
                .collect(Collectors.joining(", "));
        return "compute capability %s, %s, PCI %s, driver %s%s"
                .formatted(
                        gpu.computeCapability(),
                        gpu.uuid(),
                        gpu.pciBusId(),
                        gpu.driverVersion(),
                        links.isEmpty() ? "" : "; " + links);
    }
}

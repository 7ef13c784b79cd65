package dev.lockstep.coordinator.peers;

import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Precision;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Measurements that take turns: those of Lockstep that do the same work, by one strategy or another, and the peers that do it too.
 *
 * @param measurements of the same devices, batch and precision
 */
public record Contest(List<MeasurementSpec> measurements, List<PeerTask> peers) {
    public Contest {
        measurements = List.copyOf(measurements);
        peers = List.copyOf(peers);
    }

    private record Work(int deviceCount, int globalBatch, Precision precision) {}

    /**
     * The contests of a plan, in its order.
     *
     * @param gpus whether the devices are GPUs
     * @param memoryFormats of the peers: each runs once in each
     */
    public static List<Contest> of(Plan plan, boolean gpus, List<MemoryFormat> memoryFormats) {
        Map<Work, List<MeasurementSpec>> byWork = plan.measurements().stream()
                .collect(Collectors.groupingBy(
                        spec -> new Work(spec.deviceCount(), spec.globalBatch(), spec.precision()),
                        LinkedHashMap::new,
                        Collectors.toList()));
        return byWork.values().stream()
                .map(specs -> new Contest(specs, peers(specs.get(0), plan.memoryFormat(), gpus, memoryFormats)))
                .toList();
    }

    private static List<PeerTask> peers(
            MeasurementSpec work, MemoryFormat own, boolean gpus, List<MemoryFormat> memoryFormats) {
        return memoryFormats.stream()
                .flatMap(format -> PeerKind.on(work.deviceCount(), gpus).stream()
                        .map(kind -> new PeerTask(
                                id(kind, work, format == own ? "" : "-" + format.label()), kind, format, work)))
                .toList();
    }

    private static String id(PeerKind kind, MeasurementSpec work, String suffix) {
        return "%s-%s-%dx%d%s"
                .formatted(kind.label(), work.precision().label(), work.deviceCount(), work.batchPerDevice(), suffix);
    }
}

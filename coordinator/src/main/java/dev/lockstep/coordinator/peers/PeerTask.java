package dev.lockstep.coordinator.peers;

import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.MemoryFormat;
import java.util.List;

/**
 * What a peer is to measure.
 *
 * @param id as in {@code torch-DistributedDataParallel-fp32-2x16}
 * @param memoryFormat of the peer, which need not be Lockstep's
 * @param work precision, chunks and steps; the strategy is the peer's own
 */
public record PeerTask(String id, PeerKind kind, MemoryFormat memoryFormat, MeasurementSpec work) {
    private static final double MILLIS_PER_SECOND = 1e3;

    /** Images of a step over the mean step. */
    public double imagesPerSecond(List<Double> stepMillis) {
        int images = work.chunks().stream().mapToInt(Integer::intValue).sum();
        double mean =
                stepMillis.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
        return images * MILLIS_PER_SECOND / mean;
    }
}

package dev.lockstep.coordinator.peers;

import dev.lockstep.common.report.Peer.Setup;
import dev.lockstep.common.work.AmpSummary;
import java.util.List;

/**
 * What {@code deploy/python/lockstep_peer.py} says that it measured.
 *
 * @param parameters trainable scalars of its model
 * @param samplesMillis every measured step
 * @param losses of every step, warm-up included; null where one was no finite number
 * @param firstGradientNorm of the first step's gradients, all parameters together; null with a GradScaler, and when not finite
 * @param amp null in full precision
 * @param backend what processes exchanged tensors by: {@code gloo}, {@code nccl}; null for one process
 */
public record PeerMeasurement(
        long parameters,
        List<Double> samplesMillis,
        List<Double> losses,
        Double firstGradientNorm,
        Memory memoryMiB,
        AmpSummary amp,
        String backend,
        Setup setup) {

    /**
     * Memory of each device or, on the CPU, process.
     *
     * @param kind {@code peak-resident} or {@code peak-allocated}
     */
    public record Memory(List<Double> perDevice, String kind) {}

    /** Of the last step; null when it was no finite number. */
    Double finalLoss() {
        return losses.get(losses.size() - 1);
    }
}

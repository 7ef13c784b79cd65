package dev.lockstep.coordinator.peers;

import dev.lockstep.common.plan.DataSpec;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Precision;
import java.util.List;
import java.util.Objects;

/**
 * What {@code deploy/python/lockstep_peer.py} reads; its own text explains the fields.
 *
 * @param peer how PyTorch trains
 * @param devices of each chunk; idle ones are left out
 * @param cpus of each chunk; null where replicas are not pinned
 * @param weights safetensors to start from; null for PyTorch's own of that seed
 * @param data safetensors with the batch; null for one that is made up
 */
public record PeerSpec(
        PeerKind peer,
        String model,
        int classes,
        int imageSize,
        Double dropout,
        Double stochasticDepth,
        MemoryFormat memoryFormat,
        long seed,
        List<String> devices,
        List<List<Integer>> cpus,
        List<Integer> chunks,
        Precision precision,
        OptimizerSpec optimizer,
        int warmupSteps,
        int steps,
        String weights,
        String data) {

    public PeerSpec {
        devices = List.copyOf(devices);
        cpus = cpus == null ? null : List.copyOf(cpus);
        chunks = List.copyOf(chunks);
    }

    /**
     * A peer's share of a plan, on the first of a cluster's devices, as Lockstep takes them.
     *
     * @param weights safetensors to start from, or null
     */
    public static PeerSpec of(PeerTask task, Plan plan, List<PeerDevice> devices, String weights) {
        MeasurementSpec work = task.work();
        ModelSpec model = plan.model();
        List<PeerDevice> used = devices.subList(0, work.chunks().size());
        List<List<Integer>> cpus = used.stream().map(PeerDevice::cpus).anyMatch(Objects::isNull)
                ? null
                : used.stream().map(PeerDevice::cpus).toList();
        return new PeerSpec(
                task.kind(),
                model.name(),
                model.classes(),
                model.imageSize(),
                model.dropout(),
                model.stochasticDepth(),
                task.memoryFormat(),
                plan.seed(),
                used.stream().map(PeerDevice::id).toList(),
                cpus,
                work.chunks(),
                work.precision(),
                plan.optimizer(),
                work.warmupSteps(),
                work.steps(),
                weights,
                plan.data() instanceof DataSpec.Tensors tensors ? tensors.file().toString() : null);
    }
}

package dev.lockstep.coordinator.cli;

import dev.lockstep.coordinator.gpu.Gpu;
import dev.lockstep.coordinator.gpu.GpuDriver;
import dev.lockstep.coordinator.gpu.GpuSelection;
import dev.lockstep.coordinator.host.Processors;
import dev.lockstep.coordinator.workers.Device;
import dev.lockstep.coordinator.workers.Devices;
import java.util.List;

/**
 * The GPUs of a self-test.
 *
 * @param all those of this machine, at least one
 */
record SelftestGpus(List<Gpu> all) {
    SelftestGpus {
        all = List.copyOf(all);
    }

    /**
     * Finds them.
     *
     * @param visible the value of {@code CUDA_VISIBLE_DEVICES}; null for none
     * @throws CommandException where there is no driver
     * @throws dev.lockstep.common.failure.LockstepException ENVIRONMENT where there is no GPU that can be used
     */
    static SelftestGpus find(GpuDriver driver, String visible) {
        if (driver instanceof GpuDriver.Absent absent) {
            throw new CommandException(
                    ExitStatus.ENVIRONMENT,
                    "there is no GPU to test: " + absent.reason()
                            + ": run this on a machine with an NVIDIA GPU and its driver, 525 or newer");
        }
        Devices.Machine machine = new Devices.Machine(Processors.allowed(), "", driver, visible);
        return new SelftestGpus(Devices.find(GpuSelection.ALL, machine).stream()
                .map(Device::gpu)
                .toList());
    }

    /** Whether replicas have to share one. */
    boolean isShared() {
        return all.size() == 1;
    }

    /** The devices of a cluster with two replicas or more. */
    String severalReplicas() {
        return isShared() ? "cuda:" + all.get(0).index() + "*2" : GpuSelection.ALL;
    }

    /** How two replicas exchange tensors there. */
    String collective() {
        return isShared() ? "staged" : "nccl";
    }

    /** The other way of exchanging them, and on how many replicas it can be had. */
    String otherCollective() {
        return isShared() ? "nccl" : "staged";
    }

    int replicasOfOtherCollective() {
        return isShared() ? 1 : 2;
    }

    /** Whether all of them have TF32. */
    boolean haveTf32() {
        return all.stream().allMatch(Gpu::hasTf32);
    }
}

package dev.lockstep.common.report;

import java.util.List;

/**
 * What it ran on.
 *
 * @param platform operating system, kernel and architecture
 * @param cpuCores logical processors that Lockstep may use
 * @param gitCommit the commit Lockstep was built from; null outside a checkout
 * @param allocator what gives out the host memory of tensors; null until a worker has told
 */
public record SystemInfo(
        String hostname,
        String platform,
        String cpuModel,
        int cpuCores,
        long memoryMiB,
        String javaVersion,
        String akkaVersion,
        String djlVersion,
        String pytorchVersion,
        String cudaVersion,
        String cudnnVersion,
        List<Device> devices,
        String lockstepVersion,
        String gitCommit,
        String allocator) {

    public SystemInfo {
        devices = List.copyOf(devices);
    }

    /**
     * A device of the cluster.
     *
     * @param memoryMiB a GPU's own memory; null for a CPU device, which shares the machine's
     */
    public record Device(String id, String name, Long memoryMiB) {}
}

package dev.lockstep.common.report;

import java.util.List;

/**
 * What it ran on.
 *
 * @param platform operating system, kernel and architecture
 * @param cpuCores logical processors that Lockstep may use
 * @param gitCommit the commit Lockstep was built from; null outside a checkout
 * @param allocator what gives out the host memory of tensors; null until a worker has told
 * @param kernels what does batch norm, SiLU and depthwise convolutions in training; null until a worker has told
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
        String allocator,
        String kernels) {

    public SystemInfo {
        devices = List.copyOf(devices);
    }

    /**
     * A device of the cluster.
     *
     * @param memoryMiB a GPU's own memory; null for a CPU device, which shares the machine's
     * @param gpu what else is known of a GPU; null for a CPU device
     */
    public record Device(String id, String name, Long memoryMiB, Gpu gpu) {}

    /**
     * A GPU.
     *
     * @param computeCapability as in {@code 9.0}
     * @param activeNvLinks NVLinks that are up
     * @param links to the GPUs of the cluster's other devices
     */
    public record Gpu(
            String uuid,
            String computeCapability,
            String pciBusId,
            String driverVersion,
            int activeNvLinks,
            List<Link> links) {
        public Gpu {
            links = List.copyOf(links);
        }
    }

    /**
     * The way from a GPU to another.
     *
     * @param device the other's id
     * @param kind the best there is: {@code nvlink}; over PCIe {@code same-board}, {@code pcie-switch}, {@code pcie-switches},
     *     {@code pcie-host-bridge}, {@code same-numa-node}, {@code across-numa-nodes}; {@code same-gpu}; {@code unknown}
     * @param peerAccess whether one can read the other's memory
     */
    public record Link(String device, String kind, boolean peerAccess) {}
}

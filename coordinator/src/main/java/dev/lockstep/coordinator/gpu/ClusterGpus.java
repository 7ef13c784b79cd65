package dev.lockstep.coordinator.gpu;

import dev.lockstep.common.report.SystemInfo;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The GPUs of a cluster by their devices' ids, and what the driver tells of them; there are none in a cluster of CPU devices. */
public final class ClusterGpus {
    private final Nvml nvml;
    private final Map<String, Gpu> byDevice;

    /**
     * The GPUs of a cluster.
     *
     * @param nvml null when there are none
     * @param byDevice in the order of the devices
     */
    public ClusterGpus(Nvml nvml, Map<String, Gpu> byDevice) {
        this.nvml = nvml;
        this.byDevice = new LinkedHashMap<>(byDevice);
    }

    /** Whether the cluster has GPUs. */
    public boolean areThere() {
        return !byDevice.isEmpty();
    }

    /** Whether a device is one of them. */
    public boolean has(String deviceId) {
        return byDevice.containsKey(deviceId);
    }

    /** What names a device's GPU; null for a CPU device. */
    public String uuid(String deviceId) {
        Gpu gpu = byDevice.get(deviceId);
        return gpu == null ? null : gpu.uuid();
    }

    /** How a device's GPU is doing; blocks for a moment. */
    public GpuReading read(String deviceId) {
        return nvml.read(byDevice.get(deviceId));
    }

    /** How many of the cluster's workers are on a device's GPU. */
    int workersBeside(String deviceId) {
        String uuid = byDevice.get(deviceId).uuid();
        return (int) byDevice.values().stream()
                .filter(gpu -> gpu.uuid().equals(uuid))
                .count();
    }

    /** A device's GPU for the report; null for a CPU device. */
    public SystemInfo.Gpu describe(String deviceId) {
        Gpu gpu = byDevice.get(deviceId);
        if (gpu == null) {
            return null;
        }
        List<SystemInfo.Link> links = byDevice.entrySet().stream()
                .filter(other -> !other.getKey().equals(deviceId))
                .map(other -> link(gpu, other.getKey(), other.getValue()))
                .toList();
        return new SystemInfo.Gpu(
                gpu.uuid(),
                gpu.computeCapability(),
                gpu.pciBusId(),
                nvml.driverVersion(),
                nvml.activeNvLinks(gpu),
                links);
    }

    private SystemInfo.Link link(Gpu gpu, String otherDevice, Gpu other) {
        if (gpu.uuid().equals(other.uuid())) {
            return new SystemInfo.Link(otherDevice, "same-gpu", true);
        }
        GpuLink link = nvml.link(gpu, other);
        return new SystemInfo.Link(otherDevice, link.kind().label(), link.peerAccess());
    }
}

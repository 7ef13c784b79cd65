package dev.lockstep.coordinator.cluster;

import dev.lockstep.common.natives.CudaNatives;
import dev.lockstep.common.report.SystemInfo;
import dev.lockstep.common.work.DeviceKind;
import dev.lockstep.coordinator.gpu.ClusterGpus;
import dev.lockstep.coordinator.gpu.CudaEnvironment;
import dev.lockstep.coordinator.gpu.Gpu;
import dev.lockstep.coordinator.gpu.GpuDriver;
import dev.lockstep.coordinator.gpu.GpuLease;
import dev.lockstep.coordinator.gpu.NativeNvml;
import dev.lockstep.coordinator.gpu.Nvml;
import dev.lockstep.coordinator.workers.Device;
import dev.lockstep.coordinator.workers.Devices;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a cluster's workers run on: its devices, and the engine's natives for them. */
final class Hardware {
    /** How a line of the log begins that start-cluster shows while it waits. */
    private static final String PROGRESS_PREFIX = "progress: ";

    private final List<Device> devices;
    private final ClusterGpus gpus;

    private Hardware(List<Device> devices, Nvml nvml) {
        this.devices = devices;
        this.gpus = new ClusterGpus(nvml, gpusByDevice(devices));
    }

    /**
     * Finds the devices of a specification.
     *
     * @param noCuda whether GPUs are left alone
     * @throws dev.lockstep.common.failure.LockstepException USAGE or ENVIRONMENT when there are none such
     */
    static Hardware find(String specification, boolean noCuda, List<Integer> processors, String cpuModel) {
        boolean mayBeGpus = !specification.startsWith("cpu:") && !noCuda;
        GpuDriver driver = mayBeGpus ? NativeNvml.driver() : new GpuDriver.Absent("GPUs are left alone");
        List<Device> devices = Devices.find(
                specification,
                new Devices.Machine(processors, cpuModel, driver, System.getenv("CUDA_VISIBLE_DEVICES")));
        return new Hardware(devices, driver instanceof GpuDriver.Present present ? present.nvml() : null);
    }

    private static Map<String, Gpu> gpusByDevice(List<Device> devices) {
        Map<String, Gpu> gpus = new LinkedHashMap<>();
        devices.stream().filter(device -> device.gpu() != null).forEach(device -> gpus.put(device.id(), device.gpu()));
        return gpus;
    }

    List<Device> devices() {
        return devices;
    }

    ClusterGpus gpus() {
        return gpus;
    }

    /** A cluster has devices of one kind. */
    DeviceKind kind() {
        return devices.get(0).kind();
    }

    /** As the report describes them. */
    List<SystemInfo.Device> described() {
        return devices.stream()
                .map(device -> new SystemInfo.Device(
                        device.id(),
                        device.name(),
                        device.gpu() == null ? null : device.gpu().memoryMiB(),
                        gpus.describe(device.id())))
                .toList();
    }

    /**
     * Takes the GPUs, if any, for this cluster alone; to be held, and closed at its end.
     *
     * @throws dev.lockstep.common.failure.LockstepException ENVIRONMENT when another cluster has one of them
     */
    GpuLease take(Path runDir) {
        Map<String, Gpu> distinct = new LinkedHashMap<>();
        gpusByDevice(devices).values().forEach(gpu -> distinct.put(gpu.uuid(), gpu));
        Collection<Gpu> taken = distinct.values();
        return GpuLease.take(
                taken,
                GpuLease.FOLDER,
                "pid %d, run folder %s".formatted(ProcessHandle.current().pid(), runDir));
    }

    /**
     * The environment in which workers find the engine's natives, which are unpacked first where they are not; takes a while.
     *
     * @param runDir for links to them
     */
    Map<String, String> engine(CoordinatorArguments arguments, Path runDir) {
        if (kind() == DeviceKind.CPU) {
            return EngineNatives.environment(arguments.workerClassPath);
        }
        Path natives = new CudaNatives(System.getenv(), arguments.cudaNativesJar).folder(Hardware::progress);
        progress("loading the CUDA build of libtorch");
        Map<String, String> environment = EngineNatives.environment(
                arguments.workerClassPath,
                CudaEnvironment.of(natives, runDir.resolve("cuda-links"), System.getenv("LD_LIBRARY_PATH")));
        progress("waiting for the workers");
        return environment;
    }

    private static void progress(String how) {
        System.out.println(PROGRESS_PREFIX + how);
    }
}

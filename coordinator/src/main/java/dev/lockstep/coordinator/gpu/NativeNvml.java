package dev.lockstep.coordinator.gpu;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.ToIntFunction;

/** NVML by JNA. */
public final class NativeNvml implements Nvml {
    private static final String LIBRARY = "libnvidia-ml.so.1";
    private static final String CUDA_LIBRARY = "libcuda.so.1";

    private static final int SUCCESS = 0;
    private static final int NOT_SUPPORTED = 3;
    private static final int NO_PERMISSION = 4;
    private static final int INSUFFICIENT_SIZE = 7;
    private static final int DRIVER_NOT_LOADED = 9;
    private static final int FUNCTION_NOT_FOUND = 13;
    /** What a GPU or a driver may answer that does not tell something. */
    private static final Set<Integer> NOT_TOLD = Set.of(NOT_SUPPORTED, NO_PERMISSION, FUNCTION_NOT_FOUND);

    private static final int TEXT_BYTES = 96;
    private static final int PCI_INFO_BYTES = 68;
    private static final int PCI_BUS_ID_OFFSET = 36;
    private static final int PROCESS_INFO_BYTES = 24;
    private static final int FIRST_PROCESSES = 16;
    private static final int PROCESSOR_WORDS = 16;
    private static final int MOST_NVLINKS = 18;
    private static final int SM_CLOCK = 1;
    private static final int MEMORY_CLOCK = 2;
    private static final int GPU_SENSOR = 0;
    private static final int P2P_READ = 0;
    private static final int P2P_NVLINK = 2;
    private static final int P2P_OK = 0;
    private static final double MILLIWATTS_PER_WATT = 1000;
    private static final long MIB = 1024 * 1024;

    private final NvmlLibrary library;

    NativeNvml(NvmlLibrary library) {
        this.library = library;
    }

    /**
     * The driver of this machine.
     *
     * @throws LockstepException ENVIRONMENT when there is one that does not work
     */
    public static GpuDriver driver() {
        NvmlLibrary library;
        try {
            library = Native.load(LIBRARY, NvmlLibrary.class);
        } catch (UnsatisfiedLinkError e) {
            return new GpuDriver.Absent(LIBRARY + " of the NVIDIA driver is not there");
        }
        GpuDriver driver = driver(library);
        if (driver instanceof GpuDriver.Present) {
            requireCuda();
        }
        return driver;
    }

    static GpuDriver driver(NvmlLibrary library) {
        int result = library.nvmlInit_v2();
        if (result == DRIVER_NOT_LOADED) {
            return new GpuDriver.Absent("the kernel has not loaded the NVIDIA driver");
        }
        NativeNvml nvml = new NativeNvml(library);
        nvml.require(result, "nvmlInit_v2");
        return new GpuDriver.Present(nvml);
    }

    /** A container may be given the tools' part of the driver alone. */
    private static void requireCuda() {
        try {
            NativeLibrary.getInstance(CUDA_LIBRARY);
        } catch (UnsatisfiedLinkError e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "the NVIDIA driver is there, but its " + CUDA_LIBRARY
                            + " cannot be loaded: in a container, set NVIDIA_DRIVER_CAPABILITIES=compute,utility",
                    e);
        }
    }

    @Override
    public String driverVersion() {
        byte[] version = new byte[TEXT_BYTES];
        require(library.nvmlSystemGetDriverVersion(version, TEXT_BYTES), "nvmlSystemGetDriverVersion");
        return Native.toString(version, StandardCharsets.UTF_8);
    }

    @Override
    public int cudaVersion() {
        IntByReference version = new IntByReference();
        require(library.nvmlSystemGetCudaDriverVersion_v2(version), "nvmlSystemGetCudaDriverVersion_v2");
        return version.getValue();
    }

    @Override
    public List<Gpu> gpus() {
        IntByReference count = new IntByReference();
        require(library.nvmlDeviceGetCount_v2(count), "nvmlDeviceGetCount_v2");
        List<Gpu> gpus = new ArrayList<>();
        for (int index = 0; index < count.getValue(); index++) {
            gpus.add(describe(index));
        }
        return gpus;
    }

    private Gpu describe(int index) {
        Pointer device = device(index);
        byte[] uuid = new byte[TEXT_BYTES];
        require(library.nvmlDeviceGetUUID(device, uuid, TEXT_BYTES), "nvmlDeviceGetUUID");
        byte[] name = new byte[TEXT_BYTES];
        require(library.nvmlDeviceGetName(device, name, TEXT_BYTES), "nvmlDeviceGetName");
        long[] memory = new long[3];
        require(library.nvmlDeviceGetMemoryInfo(device, memory), "nvmlDeviceGetMemoryInfo");
        IntByReference major = new IntByReference();
        IntByReference minor = new IntByReference();
        require(library.nvmlDeviceGetCudaComputeCapability(device, major, minor), "nvmlDeviceGetCudaComputeCapability");
        return new Gpu(
                index,
                Native.toString(uuid, StandardCharsets.UTF_8),
                Native.toString(name, StandardCharsets.UTF_8),
                memory[0] / MIB,
                major.getValue(),
                minor.getValue(),
                pciBusId(device));
    }

    private String pciBusId(Pointer device) {
        try (Memory info = new Memory(PCI_INFO_BYTES)) {
            info.clear();
            require(library.nvmlDeviceGetPciInfo_v3(device, info), "nvmlDeviceGetPciInfo_v3");
            return info.getString(PCI_BUS_ID_OFFSET, StandardCharsets.US_ASCII.name());
        }
    }

    @Override
    public GpuLink link(Gpu first, Gpu second) {
        Pointer one = device(first.index());
        Pointer other = device(second.index());
        Integer read =
                told("nvmlDeviceGetP2PStatus", value -> library.nvmlDeviceGetP2PStatus(one, other, P2P_READ, value));
        Integer nvLink =
                told("nvmlDeviceGetP2PStatus", value -> library.nvmlDeviceGetP2PStatus(one, other, P2P_NVLINK, value));
        boolean peerAccess = read != null && read == P2P_OK;
        if (nvLink != null && nvLink == P2P_OK) {
            return new GpuLink(GpuLink.Kind.NVLINK, peerAccess);
        }
        Integer level = told(
                "nvmlDeviceGetTopologyCommonAncestor",
                value -> library.nvmlDeviceGetTopologyCommonAncestor(one, other, value));
        return new GpuLink(level == null ? GpuLink.Kind.UNKNOWN : GpuLink.Kind.ofLevel(level), peerAccess);
    }

    @Override
    public int activeNvLinks(Gpu gpu) {
        Pointer device = device(gpu.index());
        int active = 0;
        for (int link = 0; link < MOST_NVLINKS; link++) {
            IntByReference state = new IntByReference();
            // A GPU has fewer links than the API allows, and says of the others that they are no valid argument.
            if (library.nvmlDeviceGetNvLinkState(device, link, state) == SUCCESS && state.getValue() == 1) {
                active++;
            }
        }
        return active;
    }

    @Override
    public List<Integer> nearProcessors(Gpu gpu) {
        long[] set = new long[PROCESSOR_WORDS];
        int result = library.nvmlDeviceGetCpuAffinity(device(gpu.index()), PROCESSOR_WORDS, set);
        if (NOT_TOLD.contains(result)) {
            return List.of();
        }
        require(result, "nvmlDeviceGetCpuAffinity");
        List<Integer> processors = new ArrayList<>();
        for (int processor = 0; processor < PROCESSOR_WORDS * Long.SIZE; processor++) {
            if (((set[processor / Long.SIZE] >>> (processor % Long.SIZE)) & 1) != 0) {
                processors.add(processor);
            }
        }
        return processors;
    }

    @Override
    public GpuReading read(Gpu gpu) {
        Pointer device = device(gpu.index());
        Integer milliwatts = told("nvmlDeviceGetPowerUsage", value -> library.nvmlDeviceGetPowerUsage(device, value));
        return new GpuReading(
                clock(device, SM_CLOCK),
                clock(device, MEMORY_CLOCK),
                milliwatts == null ? null : milliwatts / MILLIWATTS_PER_WATT,
                told("nvmlDeviceGetTemperature", value -> library.nvmlDeviceGetTemperature(device, GPU_SENSOR, value)),
                utilization(device),
                memoryUsed(device),
                throttling(device),
                processes(device));
    }

    private Integer clock(Pointer device, int clock) {
        return told("nvmlDeviceGetClockInfo", value -> library.nvmlDeviceGetClockInfo(device, clock, value));
    }

    private Integer utilization(Pointer device) {
        int[] rates = new int[2];
        return isTold(library.nvmlDeviceGetUtilizationRates(device, rates), "nvmlDeviceGetUtilizationRates")
                ? (Integer) rates[0]
                : null;
    }

    private Long memoryUsed(Pointer device) {
        long[] memory = new long[3];
        return isTold(library.nvmlDeviceGetMemoryInfo(device, memory), "nvmlDeviceGetMemoryInfo")
                ? (Long) (memory[2] / MIB)
                : null;
    }

    private Set<ThrottleReason> throttling(Pointer device) {
        LongByReference reasons = new LongByReference();
        return isTold(
                        library.nvmlDeviceGetCurrentClocksThrottleReasons(device, reasons),
                        "nvmlDeviceGetCurrentClocksThrottleReasons")
                ? ThrottleReason.of(reasons.getValue())
                : Set.of();
    }

    private List<Long> processes(Pointer device) {
        IntByReference count = new IntByReference(FIRST_PROCESSES);
        while (true) {
            int room = count.getValue();
            try (Memory infos = new Memory((long) room * PROCESS_INFO_BYTES)) {
                int result = library.nvmlDeviceGetComputeRunningProcesses_v3(device, count, infos);
                if (result == INSUFFICIENT_SIZE) {
                    // More may come until the next call.
                    count.setValue(count.getValue() + FIRST_PROCESSES);
                    continue;
                }
                if (!isTold(result, "nvmlDeviceGetComputeRunningProcesses_v3")) {
                    return List.of();
                }
                List<Long> processes = new ArrayList<>();
                for (int process = 0; process < count.getValue(); process++) {
                    processes.add(Integer.toUnsignedLong(infos.getInt((long) process * PROCESS_INFO_BYTES)));
                }
                return processes;
            }
        }
    }

    private Pointer device(int index) {
        PointerByReference device = new PointerByReference();
        require(library.nvmlDeviceGetHandleByIndex_v2(index, device), "nvmlDeviceGetHandleByIndex_v2");
        return device.getValue();
    }

    /** A number that not every GPU tells: null then. */
    private Integer told(String function, ToIntFunction<IntByReference> call) {
        IntByReference value = new IntByReference();
        return isTold(call.applyAsInt(value), function) ? (Integer) value.getValue() : null;
    }

    private boolean isTold(int result, String function) {
        if (NOT_TOLD.contains(result)) {
            return false;
        }
        require(result, function);
        return true;
    }

    private void require(int result, String function) {
        if (result != SUCCESS) {
            throw CudaSupport.lacking("the NVIDIA driver does not work: %s says '%s' (%d): see whether nvidia-smi works"
                    .formatted(function, library.nvmlErrorString(result), result));
        }
    }
}

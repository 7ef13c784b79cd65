package dev.lockstep.coordinator.gpu;

import com.sun.jna.Library;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;

/** The functions of {@code libnvidia-ml.so.1} that Lockstep calls, by their names in C; all but one return {@code nvmlReturn_t}. */
interface NvmlLibrary extends Library {
    int nvmlInit_v2();

    String nvmlErrorString(int result);

    int nvmlSystemGetDriverVersion(byte[] version, int length);

    int nvmlSystemGetCudaDriverVersion_v2(IntByReference version);

    int nvmlDeviceGetCount_v2(IntByReference count);

    int nvmlDeviceGetHandleByIndex_v2(int index, PointerByReference device);

    int nvmlDeviceGetName(Pointer device, byte[] name, int length);

    int nvmlDeviceGetUUID(Pointer device, byte[] uuid, int length);

    /** {@code memory}: total, free and used bytes, each of 64 bits. */
    int nvmlDeviceGetMemoryInfo(Pointer device, long[] memory);

    int nvmlDeviceGetCudaComputeCapability(Pointer device, IntByReference major, IntByReference minor);

    /** {@code info}: {@code nvmlPciInfo_t}. */
    int nvmlDeviceGetPciInfo_v3(Pointer device, Pointer info);

    int nvmlDeviceGetTopologyCommonAncestor(Pointer first, Pointer second, IntByReference level);

    int nvmlDeviceGetP2PStatus(Pointer first, Pointer second, int capability, IntByReference status);

    int nvmlDeviceGetNvLinkState(Pointer device, int link, IntByReference active);

    /** {@code set}: a bit a processor. */
    int nvmlDeviceGetCpuAffinity(Pointer device, int words, long[] set);

    int nvmlDeviceGetClockInfo(Pointer device, int clock, IntByReference megahertz);

    int nvmlDeviceGetPowerUsage(Pointer device, IntByReference milliwatts);

    int nvmlDeviceGetTemperature(Pointer device, int sensor, IntByReference celsius);

    /** {@code rates}: of the GPU and of its memory, in percent. */
    int nvmlDeviceGetUtilizationRates(Pointer device, int[] rates);

    int nvmlDeviceGetCurrentClocksThrottleReasons(Pointer device, LongByReference reasons);

    /** {@code infos}: an array of {@code nvmlProcessInfo_t}. */
    int nvmlDeviceGetComputeRunningProcesses_v3(Pointer device, IntByReference count, Pointer infos);
}

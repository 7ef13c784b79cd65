package dev.lockstep.coordinator.gpu;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** The C functions of NVML for one GPU, or two that look the same. */
final class FakeNvmlLibrary implements NvmlLibrary {
    /** What a function returns instead of success. */
    final Map<String, Integer> results = new HashMap<>();

    int processes = 1;
    int p2pNvLink;
    int level = 30;
    long throttling = 0x1 | 0x4 | 0x20;

    private int result(String function) {
        return results.getOrDefault(function, 0);
    }

    private static void write(byte[] to, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(bytes, 0, to, 0, bytes.length);
    }

    private int number(String function, IntByReference to, int value) {
        to.setValue(value);
        return result(function);
    }

    @Override
    public int nvmlInit_v2() {
        return result("nvmlInit_v2");
    }

    @Override
    public String nvmlErrorString(int result) {
        return "error " + result;
    }

    @Override
    public int nvmlSystemGetDriverVersion(byte[] version, int length) {
        write(version, "580.95.05");
        return 0;
    }

    @Override
    public int nvmlSystemGetCudaDriverVersion_v2(IntByReference version) {
        return number("nvmlSystemGetCudaDriverVersion_v2", version, 13_000);
    }

    @Override
    public int nvmlDeviceGetCount_v2(IntByReference count) {
        return number("nvmlDeviceGetCount_v2", count, 1);
    }

    @Override
    public int nvmlDeviceGetHandleByIndex_v2(int index, PointerByReference device) {
        device.setValue(Pointer.createConstant(index + 1));
        return result("nvmlDeviceGetHandleByIndex_v2");
    }

    @Override
    public int nvmlDeviceGetName(Pointer device, byte[] name, int length) {
        write(name, "NVIDIA H100 80GB HBM3");
        return 0;
    }

    @Override
    public int nvmlDeviceGetUUID(Pointer device, byte[] uuid, int length) {
        write(uuid, "GPU-12345678-aaaa");
        return 0;
    }

    @Override
    public int nvmlDeviceGetMemoryInfo(Pointer device, long[] memory) {
        memory[0] = 81_559L << 20;
        memory[1] = 80_559L << 20;
        memory[2] = 1000L << 20;
        return result("nvmlDeviceGetMemoryInfo");
    }

    @Override
    public int nvmlDeviceGetCudaComputeCapability(Pointer device, IntByReference major, IntByReference minor) {
        major.setValue(9);
        minor.setValue(0);
        return 0;
    }

    @Override
    public int nvmlDeviceGetPciInfo_v3(Pointer device, Pointer info) {
        info.setString(36, "00000000:18:00.0", "US-ASCII");
        return 0;
    }

    @Override
    public int nvmlDeviceGetTopologyCommonAncestor(Pointer first, Pointer second, IntByReference ancestor) {
        return number("nvmlDeviceGetTopologyCommonAncestor", ancestor, level);
    }

    @Override
    public int nvmlDeviceGetP2PStatus(Pointer first, Pointer second, int capability, IntByReference status) {
        return number("nvmlDeviceGetP2PStatus", status, capability == 2 ? p2pNvLink : 0);
    }

    @Override
    public int nvmlDeviceGetNvLinkState(Pointer device, int link, IntByReference active) {
        active.setValue(link < 3 ? 1 : 0);
        return link < 4 ? 0 : 2;
    }

    @Override
    public int nvmlDeviceGetCpuAffinity(Pointer device, int words, long[] set) {
        set[0] = 0b1101;
        set[1] = 1;
        return result("nvmlDeviceGetCpuAffinity");
    }

    @Override
    public int nvmlDeviceGetClockInfo(Pointer device, int clock, IntByReference megahertz) {
        return number("nvmlDeviceGetClockInfo", megahertz, 1000 + clock);
    }

    @Override
    public int nvmlDeviceGetPowerUsage(Pointer device, IntByReference milliwatts) {
        return number("nvmlDeviceGetPowerUsage", milliwatts, 123_400);
    }

    @Override
    public int nvmlDeviceGetTemperature(Pointer device, int sensor, IntByReference celsius) {
        return number("nvmlDeviceGetTemperature", celsius, 41);
    }

    @Override
    public int nvmlDeviceGetUtilizationRates(Pointer device, int[] rates) {
        rates[0] = 97;
        rates[1] = 5;
        return result("nvmlDeviceGetUtilizationRates");
    }

    @Override
    public int nvmlDeviceGetCurrentClocksThrottleReasons(Pointer device, LongByReference reasons) {
        reasons.setValue(throttling);
        return result("nvmlDeviceGetCurrentClocksThrottleReasons");
    }

    /** Too little room is answered with what would have been needed, as NVML does. */
    @Override
    public int nvmlDeviceGetComputeRunningProcesses_v3(Pointer device, IntByReference count, Pointer infos) {
        int room = count.getValue();
        count.setValue(processes);
        if (room < processes) {
            return 7;
        }
        for (int process = 0; process < processes; process++) {
            infos.setInt(24L * process, 100 + process);
        }
        return result("nvmlDeviceGetComputeRunningProcesses_v3");
    }
}

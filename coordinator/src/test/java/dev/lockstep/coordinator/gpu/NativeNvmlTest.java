package dev.lockstep.coordinator.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NativeNvmlTest {
    private static final int NOT_SUPPORTED = 3;

    private final FakeNvmlLibrary library = new FakeNvmlLibrary();
    private final Nvml nvml = new NativeNvml(library);

    private Gpu gpu() {
        return nvml.gpus().get(0);
    }

    @Test
    void shouldDescribeGpus() {
        assertEquals(
                List.of(new Gpu(0, "GPU-12345678-aaaa", "NVIDIA H100 80GB HBM3", 81_559, 9, 0, "00000000:18:00.0")),
                nvml.gpus());
        assertEquals("580.95.05", nvml.driverVersion());
        assertEquals(13_000, nvml.cudaVersion());
        assertEquals(3, nvml.activeNvLinks(gpu()));
        assertEquals(List.of(0, 2, 3, 64), nvml.nearProcessors(gpu()));
    }

    @Test
    void shouldReadHowAGpuIsDoing() {
        assertEquals(
                new GpuReading(
                        1001,
                        1002,
                        123.4,
                        41,
                        97,
                        1000L,
                        Set.of(ThrottleReason.POWER_CAP, ThrottleReason.THERMAL),
                        List.of(100L)),
                nvml.read(gpu()));
    }

    @Test
    void shouldFindRoomForAnyNumberOfProcesses() {
        library.processes = 40;
        assertEquals(
                LongStream.range(100, 140).boxed().toList(), nvml.read(gpu()).processes());
        library.processes = 0;
        assertEquals(List.of(), nvml.read(gpu()).processes());
    }

    @Test
    void shouldHaveNullForWhatAGpuDoesNotTell() {
        Gpu gpu = gpu();
        for (String function : List.of(
                "nvmlDeviceGetClockInfo",
                "nvmlDeviceGetPowerUsage",
                "nvmlDeviceGetTemperature",
                "nvmlDeviceGetUtilizationRates",
                "nvmlDeviceGetMemoryInfo",
                "nvmlDeviceGetCurrentClocksThrottleReasons",
                "nvmlDeviceGetComputeRunningProcesses_v3",
                "nvmlDeviceGetCpuAffinity")) {
            library.results.put(function, NOT_SUPPORTED);
        }
        assertEquals(new GpuReading(null, null, null, null, null, null, Set.of(), List.of()), nvml.read(gpu));
        assertEquals(List.of(), nvml.nearProcessors(gpu));
    }

    @ParameterizedTest
    @CsvSource({"0,NVLINK", "5,PCIE_HOST_BRIDGE"})
    void shouldPreferNvLinkToTheWayOverPcie(int p2pNvLink, GpuLink.Kind kind) {
        library.p2pNvLink = p2pNvLink;
        assertEquals(new GpuLink(kind, true), nvml.link(gpu(), gpu()));
    }

    @Test
    void shouldNotGuessAWayThatTheDriverDoesNotTell() {
        library.results.put("nvmlDeviceGetP2PStatus", NOT_SUPPORTED);
        library.results.put("nvmlDeviceGetTopologyCommonAncestor", NOT_SUPPORTED);
        assertEquals(new GpuLink(GpuLink.Kind.UNKNOWN, false), nvml.link(gpu(), gpu()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetTemperature"})
    void shouldFailWithTheDriversOwnWords(String function) {
        Gpu gpu = gpu();
        library.results.put(function, 15);
        LockstepException failure = assertThrows(LockstepException.class, () -> nvml.read(gpu));
        assertEquals(
                new Failure(
                        FailureCategory.ENVIRONMENT,
                        "the NVIDIA driver does not work: " + function
                                + " says 'error 15' (15): see whether nvidia-smi works"),
                failure.failure());
    }

    @Test
    void shouldTellADriverThatIsNotLoadedFromOneThatDoesNotWork() {
        assertInstanceOf(GpuDriver.Present.class, NativeNvml.driver(library));
        library.results.put("nvmlInit_v2", 9);
        assertEquals(new GpuDriver.Absent("the kernel has not loaded the NVIDIA driver"), NativeNvml.driver(library));
        library.results.put("nvmlInit_v2", 18);
        assertThrows(LockstepException.class, () -> NativeNvml.driver(library));
    }
}

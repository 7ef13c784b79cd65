package dev.lockstep.coordinator.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.report.GpuConditions;
import dev.lockstep.common.report.GpuConditions.Range;
import dev.lockstep.common.report.SystemInfo;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

class GpuWatchTest {
    private static GpuReading reading(Integer clock, Set<ThrottleReason> throttling, Long... processes) {
        return new GpuReading(clock, 2619, 400.0, null, 99, 5000L, throttling, List.of(processes));
    }

    private static ClusterGpus gpus(FakeNvml nvml, Gpu... gpus) {
        Map<String, Gpu> byDevice = new LinkedHashMap<>();
        for (Gpu gpu : gpus) {
            byDevice.put("cuda:" + byDevice.size(), gpu);
        }
        return new ClusterGpus(nvml, byDevice);
    }

    @Test
    void shouldLookAtTheBeginningAndAtTheEnd() {
        FakeNvml nvml = new FakeNvml();
        nvml.readings.add(reading(1980, Set.of(), 1L));
        nvml.readings.add(reading(1000, Set.of(ThrottleReason.POWER_CAP), 1L, 2L));
        CompletableFuture<GpuConditions> seen = GpuWatch.start(gpus(nvml, FakeNvml.gpu(0)), List.of("cuda:0"))
                .stop()
                .toCompletableFuture();
        GpuConditions conditions = seen.join();
        GpuConditions.OfGpu gpu = conditions.perDevice().get(0);
        assertEquals("cuda:0", gpu.device());
        assertEquals(2, gpu.samples());
        assertEquals(new Range(1000, 1490, 1980), gpu.smClockMHz());
        assertEquals(new Range(400, 400, 400), gpu.powerWatts());
        assertNull(gpu.temperatureCelsius(), "it does not tell");
        assertEquals(List.of("power cap"), gpu.throttleReasons());
        assertEquals(1, gpu.mostOtherProcesses());
        assertEquals(
                List.of(
                        "cuda:0 was throttled in 1 of 2 samples (power cap): its SM clock was between 1000 and 1980 MHz.",
                        "Other processes computed on cuda:0 in 1 of 2 samples."),
                conditions.disturbances());
    }

    @Test
    void shouldFindNothingToSayOfAQuietGpuThatTheClusterSharesWithItself() {
        FakeNvml nvml = new FakeNvml();
        nvml.readings.add(reading(1980, Set.of(), 1L, 2L));
        ClusterGpus gpus = gpus(nvml, FakeNvml.gpu(0), FakeNvml.gpu(0));
        GpuConditions conditions = GpuWatch.start(gpus, List.of("cuda:0", "cuda:1"))
                .stop()
                .toCompletableFuture()
                .join();
        assertEquals(List.of(), conditions.disturbances());
        assertEquals(2, conditions.perDevice().size());
    }

    @Test
    void shouldTellThatTheDriverFailed() {
        CompletableFuture<GpuConditions> seen = GpuWatch.start(gpus(new FakeNvml(), FakeNvml.gpu(0)), List.of("cuda:0"))
                .stop()
                .toCompletableFuture();
        CompletionException failure = assertThrows(CompletionException.class, seen::join);
        assertTrue(failure.getMessage().contains("the GPU is lost"), failure.getMessage());
    }

    @Test
    void shouldDescribeGpusWithTheWaysBetweenThem() {
        ClusterGpus gpus = gpus(new FakeNvml(), FakeNvml.gpu(0), FakeNvml.gpu(0), FakeNvml.gpu(1));
        assertEquals(
                new SystemInfo.Gpu(
                        "GPU-0-abc",
                        "9.0",
                        "0000:10:00.0",
                        "580.95.05",
                        18,
                        List.of(
                                new SystemInfo.Link("cuda:1", "same-gpu", true),
                                new SystemInfo.Link("cuda:2", "nvlink", true))),
                gpus.describe("cuda:0"));
        assertNull(gpus.describe("cpu:0"));
    }
}

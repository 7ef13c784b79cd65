package dev.lockstep.coordinator.workers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.work.DeviceKind;
import dev.lockstep.coordinator.gpu.FakeNvml;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ReplicaProcessesTest {
    private static final ReplicaProcesses PROCESSES =
            new ReplicaProcesses("jars/*", List.of("-Xmx9m"), Map.of("PYTORCH_FLAVOR", "cu124"), Path.of("/logs"));

    @Test
    void shouldShowAReplicaItsOwnGpuAlone() {
        Device device = new Device("cuda:1", DeviceKind.CUDA, "a graphics card", List.of(4, 5), 2, FakeNvml.gpu(1));
        ProcessBuilder builder = PROCESSES.builder(device, "Main");
        assertEquals("GPU-1-abc", builder.environment().get("CUDA_VISIBLE_DEVICES"));
        assertEquals("cu124", builder.environment().get("PYTORCH_FLAVOR"));
        assertEquals("2", builder.environment().get("OMP_NUM_THREADS"));
        assertTrue(builder.command().containsAll(List.of("-Xmx9m", "jars/*", "Main")), builder.command()::toString);
    }

    @Test
    void shouldNotSayAnythingOfGpusToAReplicaOnTheCpu() {
        ProcessBuilder builder = PROCESSES.builder(Device.cpu(0, "a processor", List.of(0), 1), "Main");
        assertEquals(
                System.getenv("CUDA_VISIBLE_DEVICES"), builder.environment().get("CUDA_VISIBLE_DEVICES"));
    }
}

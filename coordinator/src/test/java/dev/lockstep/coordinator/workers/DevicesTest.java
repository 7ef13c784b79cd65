package dev.lockstep.coordinator.workers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.work.DeviceKind;
import dev.lockstep.coordinator.gpu.FakeNvml;
import dev.lockstep.coordinator.gpu.GpuDriver;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DevicesTest {
    private static final GpuDriver NONE = new GpuDriver.Absent("the driver is not there");

    private static List<Integer> processors(int count) {
        return IntStream.range(0, count).boxed().toList();
    }

    private static List<List<Integer>> cpus(String specification, List<Integer> processors) {
        return Devices.find(specification, new Devices.Machine(processors, "cpu", NONE, null)).stream()
                .map(Device::cpus)
                .toList();
    }

    private static List<Device> find(String specification, FakeNvml nvml, String visible) {
        return Devices.find(
                specification, new Devices.Machine(processors(8), "cpu", new GpuDriver.Present(nvml), visible));
    }

    private static List<String> ids(List<Device> devices) {
        return devices.stream().map(Device::id).toList();
    }

    private static Failure refusal(String specification, FakeNvml nvml) {
        return assertThrows(LockstepException.class, () -> find(specification, nvml, null))
                .failure();
    }

    private static void assertLacking(String sentence, Failure failure) {
        assertEquals(new Failure(FailureCategory.ENVIRONMENT, sentence), failure);
    }

    @Test
    void shouldShareProcessorsEvenly() {
        assertEquals(List.of(List.of(0, 1), List.of(2, 3)), cpus("cpu:2", processors(4)));
        assertEquals(List.of(List.of(0), List.of(1), List.of(2)), cpus("cpu:3", processors(4)));
        assertEquals(List.of(List.of(4, 7)), cpus("cpu:1", List.of(4, 7)));
    }

    @Test
    void shouldPutSeveralReplicasOnAProcessorWhenThereAreTooFew() {
        assertEquals(List.of(List.of(0), List.of(1), List.of(0), List.of(1)), cpus("cpu:4", processors(2)));
    }

    @Test
    void shouldChooseTwoToFourByDefault() {
        assertEquals(2, cpus("auto", processors(1)).size());
        assertEquals(2, cpus("auto", processors(2)).size());
        assertEquals(4, cpus("auto", processors(64)).size());
        assertEquals(16, cpus("auto", processors(64)).get(3).size());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "cpu", "cpu:0", "cpu:-1", "cpu:1000", "gpu:1", "cuda:", "cuda:0,", "cuda:0*0", "cuda:all*2"})
    void shouldRefuseWhatIsNoSpecification(String specification) {
        LockstepException refusal = assertThrows(LockstepException.class, () -> cpus(specification, processors(2)));
        assertEquals(FailureCategory.USAGE, refusal.failure().category());
    }

    @ParameterizedTest
    @ValueSource(strings = {"cuda:all", "cuda:0,2", "cuda:0*2"})
    void shouldNeverServeCudaWithTheCpu(String specification) {
        LockstepException refusal = assertThrows(LockstepException.class, () -> cpus(specification, processors(2)));
        assertLacking(
                "--devices " + specification
                        + ": the driver is not there: CUDA devices need an NVIDIA GPU and its driver, 525 or newer; cpu:N is for the CPU",
                refusal.failure());
    }

    @Test
    void shouldTakeAllGpusByDefaultAndTheCpuOnlyWithoutAny() {
        List<Device> gpus = find("auto", FakeNvml.withGpus(2), null);
        assertEquals(List.of("cuda:0", "cuda:1"), ids(gpus));
        assertEquals(DeviceKind.CUDA, gpus.get(1).kind());
        assertEquals("Fake 1", gpus.get(1).name());
        assertEquals(FakeNvml.gpu(1), gpus.get(1).gpu());
        assertEquals("cpu:0", find("auto", FakeNvml.withGpus(0), null).get(0).id());
        assertEquals("cpu:0", find("cpu:1", FakeNvml.withGpus(2), null).get(0).id());
    }

    @Test
    void shouldTakeTheGpusThatAreNamed() {
        assertEquals(List.of("cuda:2", "cuda:0"), ids(find("cuda:2,0", FakeNvml.withGpus(3), null)));
        assertEquals(List.of("cuda:0", "cuda:1", "cuda:2"), ids(find("cuda:all", FakeNvml.withGpus(3), null)));
    }

    @Test
    void shouldPutSeveralReplicasOnAGpuAndSaySo() {
        List<Device> devices = find("cuda:0*2,1", FakeNvml.withGpus(2), null);
        assertEquals(List.of("cuda:0#0", "cuda:0#1", "cuda:1"), ids(devices));
        assertEquals(
                List.of(
                        "cuda:0#0 and cuda:0#1 share one GPU: that is for trying things out, and says nothing about scaling."),
                Devices.notes(devices));
        assertEquals(List.of(), Devices.notes(find("cuda:all", FakeNvml.withGpus(2), null)));
    }

    @Test
    void shouldGiveAReplicaItsShareOfTheProcessorsBesideItsGpu() {
        FakeNvml nvml = FakeNvml.withGpus(3);
        nvml.near.put(0, List.of(0, 1, 2, 3, 64));
        nvml.near.put(1, List.of(0, 1, 2, 3, 64));
        nvml.near.put(2, List.of(64, 65));
        List<Device> devices = find("cuda:all", nvml, null);
        assertEquals(
                List.of(List.of(0, 1), List.of(2, 3), processors(8)),
                devices.stream().map(Device::cpus).toList());
        assertEquals(List.of(2, 2, 8), devices.stream().map(Device::threads).toList());
    }

    @Test
    void shouldTakeNoGpuThatASchedulerGaveToOthers() {
        assertEquals(List.of("cuda:1"), ids(find("auto", FakeNvml.withGpus(3), "1")));
        assertEquals(List.of("cuda:0", "cuda:2"), ids(find("cuda:all", FakeNvml.withGpus(3), "GPU-2, GPU-0-abc")));
        FakeNvml nvml = FakeNvml.withGpus(2);
        LockstepException other = assertThrows(LockstepException.class, () -> find("cuda:0", nvml, "1"));
        assertLacking(
                "--devices cuda:0: there is no GPU 0, there is 1 (Fake 1), as CUDA_VISIBLE_DEVICES has it",
                other.failure());
        LockstepException none = assertThrows(LockstepException.class, () -> find("cuda:all", nvml, ""));
        assertLacking("CUDA_VISIBLE_DEVICES is '', which hides all GPUs of this machine", none.failure());
    }

    @Test
    void shouldRefuseGpusThatAreNotThere() {
        assertLacking(
                "--devices cuda:0,2: there is no GPU 2, there are 0 (Fake 0), 1 (Fake 1)",
                refusal("cuda:0,2", FakeNvml.withGpus(2)));
        assertLacking(
                "the NVIDIA driver is there, but it has no GPU: use cpu:N, for example --devices cpu:2",
                refusal("cuda:all", FakeNvml.withGpus(0)));
        assertEquals(
                new Failure(
                        FailureCategory.USAGE,
                        "--devices cuda:0,0 names GPU 0 twice: cuda:0*2 puts two replicas on one GPU"),
                refusal("cuda:0,0", FakeNvml.withGpus(2)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"auto", "cuda:all"})
    void shouldRefuseAnOldDriverAndNotFallBack(String specification) {
        FakeNvml nvml = FakeNvml.withGpus(1);
        nvml.cudaVersion = 11_080;
        assertLacking(
                "the NVIDIA driver 580.95.05 serves CUDA up to 11.8, and the CUDA build of libtorch is of 12.4: install driver 525 or newer; --no-cuda or --devices cpu:N leaves the GPUs alone",
                refusal(specification, nvml));
        nvml.cudaVersion = 12_000;
        assertEquals(1, find(specification, nvml, null).size());
    }

    @Test
    void shouldRefuseGpusWithoutKernels() {
        FakeNvml nvml = FakeNvml.withGpus(1);
        nvml.gpus.add(FakeNvml.gpu(1, 12, 0));
        assertLacking(
                "GPU 1 (Fake 1) has compute capability 12.0, and the CUDA build of libtorch 2.5.1 has kernels for 5.0 to 9.0: it is too new; --no-cuda or --devices cpu:N leaves the GPUs alone",
                refusal("auto", nvml));
        assertEquals(1, find("cuda:0", nvml, null).size());
        nvml.gpus.set(1, FakeNvml.gpu(1, 3, 7));
        assertTrue(refusal("cuda:1", nvml).message().contains("it is too old"));
    }
}

package dev.lockstep.coordinator.workers;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.work.DeviceKind;
import dev.lockstep.coordinator.gpu.CudaSupport;
import dev.lockstep.coordinator.gpu.Gpu;
import dev.lockstep.coordinator.gpu.GpuDriver;
import dev.lockstep.coordinator.gpu.GpuSelection;
import dev.lockstep.coordinator.gpu.Nvml;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** GPUs as places for replicas. */
final class CudaDevices {
    private CudaDevices() {}

    /**
     * The devices of a specification that begins with {@code cuda:}.
     *
     * @param visible the value of {@code CUDA_VISIBLE_DEVICES}; null for none
     * @throws LockstepException ENVIRONMENT when there is no such GPU or it cannot be used
     */
    static List<Device> find(String specification, GpuDriver driver, List<Integer> processors, String visible) {
        if (driver instanceof GpuDriver.Absent absent) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "--devices %s: %s: CUDA devices need an NVIDIA GPU and its driver, 525 or newer; cpu:N is for the CPU"
                            .formatted(specification, absent.reason()));
        }
        Nvml nvml = ((GpuDriver.Present) driver).nvml();
        List<GpuSelection.Chosen> chosen = GpuSelection.choose(specification, nvml.gpus(), visible);
        CudaSupport.check(nvml);
        chosen.forEach(one -> CudaSupport.check(one.gpu()));
        return devices(chosen, nvml, processors);
    }

    private record Place(String id, Gpu gpu, List<Integer> near) {}

    private static List<Device> devices(List<GpuSelection.Chosen> chosen, Nvml nvml, List<Integer> processors) {
        List<Place> places = new ArrayList<>();
        for (GpuSelection.Chosen one : chosen) {
            List<Integer> near = near(nvml.nearProcessors(one.gpu()), processors);
            for (int replica = 0; replica < one.replicas(); replica++) {
                String id = "cuda:" + one.gpu().index() + (one.replicas() == 1 ? "" : "#" + replica);
                places.add(new Place(id, one.gpu(), near));
            }
        }
        Map<List<Integer>, Long> sharers = new LinkedHashMap<>();
        places.forEach(place -> sharers.merge(place.near, 1L, Long::sum));
        Map<List<Integer>, Integer> served = new LinkedHashMap<>();
        return places.stream()
                .map(place -> {
                    int turn = served.merge(place.near, 1, Integer::sum) - 1;
                    List<Integer> own =
                            Devices.share(place.near, sharers.get(place.near).intValue(), turn);
                    return new Device(place.id, DeviceKind.CUDA, place.gpu.name(), own, own.size(), place.gpu);
                })
                .toList();
    }

    /** Processors beside the GPU as far as this process may use them; all that it may use when there are none or they are not known. */
    private static List<Integer> near(List<Integer> near, List<Integer> processors) {
        List<Integer> allowed = processors.stream().filter(near::contains).toList();
        return allowed.isEmpty() ? processors : allowed;
    }
}

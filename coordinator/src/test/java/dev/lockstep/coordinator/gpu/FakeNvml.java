package dev.lockstep.coordinator.gpu;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A driver as a test wants it. */
public final class FakeNvml implements Nvml {
    public int cudaVersion = 12_080;
    public final List<Gpu> gpus = new ArrayList<>();
    public final Map<Integer, List<Integer>> near = new HashMap<>();
    /** Given out one after the other; the last one again and again. */
    public final Deque<GpuReading> readings = new ArrayDeque<>();

    public GpuLink link = new GpuLink(GpuLink.Kind.NVLINK, true);

    /** A GPU that the CUDA build of libtorch serves. */
    public static Gpu gpu(int index) {
        return gpu(index, 9, 0);
    }

    public static Gpu gpu(int index, int major, int minor) {
        return new Gpu(
                index, "GPU-" + index + "-abc", "Fake " + index, 81_559, major, minor, "0000:1" + index + ":00.0");
    }

    /** The driver of a machine with GPUs 0, 1, ... */
    public static FakeNvml withGpus(int count) {
        FakeNvml nvml = new FakeNvml();
        for (int index = 0; index < count; index++) {
            nvml.gpus.add(gpu(index));
        }
        return nvml;
    }

    @Override
    public String driverVersion() {
        return "580.95.05";
    }

    @Override
    public int cudaVersion() {
        return cudaVersion;
    }

    @Override
    public List<Gpu> gpus() {
        return gpus;
    }

    @Override
    public GpuLink link(Gpu first, Gpu second) {
        return link;
    }

    @Override
    public int activeNvLinks(Gpu gpu) {
        return 18;
    }

    @Override
    public List<Integer> nearProcessors(Gpu gpu) {
        return near.getOrDefault(gpu.index(), List.of());
    }

    @Override
    public GpuReading read(Gpu gpu) {
        if (readings.isEmpty()) {
            throw CudaSupport.lacking("the GPU is lost");
        }
        return readings.size() == 1 ? readings.peek() : readings.remove();
    }
}

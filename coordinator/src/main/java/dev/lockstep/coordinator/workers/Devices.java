package dev.lockstep.coordinator.workers;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.coordinator.gpu.GpuDriver;
import dev.lockstep.coordinator.gpu.GpuSelection;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** The devices that a specification names: {@code auto}, {@code cpu:N}, {@code cuda:all}, {@code cuda:0,2}, {@code cuda:0*2}. */
public final class Devices {
    private static final Pattern CPU = Pattern.compile("cpu:(\\d{1,3})");
    /** The default plan compares 1, 2 and 4 devices. */
    private static final int MOST_BY_DEFAULT = 4;

    private static final int LEAST_BY_DEFAULT = 2;

    private Devices() {}

    /**
     * What a machine has to offer.
     *
     * @param processors logical processors that may be used
     * @param cpuModel their name
     * @param driver of GPUs
     * @param visibleGpus the value of {@code CUDA_VISIBLE_DEVICES}; null for none
     */
    public record Machine(List<Integer> processors, String cpuModel, GpuDriver driver, String visibleGpus) {
        public Machine {
            processors = List.copyOf(processors);
        }
    }

    /**
     * Finds the devices. GPUs that are asked for are never replaced by the CPU, and {@code auto} takes the CPU only where there is no GPU:
     * one that cannot be used is an error.
     *
     * @param specification as on the command line
     * @throws LockstepException USAGE for what is no specification, ENVIRONMENT for a device that is not there
     */
    public static List<Device> find(String specification, Machine machine) {
        if (specification.equals("auto")) {
            return hasGpus(machine) ? cuda(GpuSelection.ALL, machine) : cpu(defaultCount(machine), machine);
        }
        Matcher cpu = CPU.matcher(specification);
        if (cpu.matches() && Integer.parseInt(cpu.group(1)) > 0) {
            return cpu(Integer.parseInt(cpu.group(1)), machine);
        }
        if (GpuSelection.matches(specification)) {
            return cuda(specification, machine);
        }
        throw new LockstepException(
                FailureCategory.USAGE,
                "--devices '" + specification
                        + "' is none of auto, cpu:N (N from 1 to 999), cuda:all, cuda:0,2, cuda:0*2 (two replicas on a GPU)");
    }

    private static boolean hasGpus(Machine machine) {
        return machine.driver instanceof GpuDriver.Present present
                && !present.nvml().gpus().isEmpty();
    }

    private static List<Device> cuda(String specification, Machine machine) {
        return CudaDevices.find(specification, machine.driver, machine.processors, machine.visibleGpus);
    }

    private static int defaultCount(Machine machine) {
        return Math.max(LEAST_BY_DEFAULT, Math.min(MOST_BY_DEFAULT, machine.processors.size()));
    }

    private static List<Device> cpu(int count, Machine machine) {
        return IntStream.range(0, count)
                .mapToObj(index -> {
                    List<Integer> own = share(machine.processors, count, index);
                    return Device.cpu(index, machine.cpuModel, own, own.size());
                })
                .toList();
    }

    /** Shares processors evenly: whole processors each, or several replicas on one when there are too few. */
    static List<Integer> share(List<Integer> processors, int count, int index) {
        int share = Math.max(1, processors.size() / count);
        int first = index * share % processors.size();
        return processors.subList(first, first + share);
    }

    /** What a reader of figures from these devices should know: that replicas share a GPU. */
    public static List<String> notes(List<Device> devices) {
        Map<String, List<String>> idsByGpu = new LinkedHashMap<>();
        devices.stream().filter(device -> device.gpu() != null).forEach(device -> idsByGpu.computeIfAbsent(
                        device.gpu().uuid(), uuid -> new ArrayList<>())
                .add(device.id()));
        return idsByGpu.values().stream()
                .filter(ids -> ids.size() > 1)
                .map(ids -> String.join(" and ", ids)
                        + " share one GPU: that is for trying things out, and says nothing about scaling.")
                .toList();
    }
}

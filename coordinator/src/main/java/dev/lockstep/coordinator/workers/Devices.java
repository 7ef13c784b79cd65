package dev.lockstep.coordinator.workers;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.work.DeviceKind;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** The devices that a specification names: {@code auto}, {@code cpu:N}, {@code cuda:all}, {@code cuda:0,2}. */
public final class Devices {
    private static final Pattern CPU = Pattern.compile("cpu:(\\d{1,3})");
    private static final Pattern CUDA = Pattern.compile("cuda:(all|\\d+(,\\d+)*)");
    /** The default plan compares 1, 2 and 4 devices. */
    private static final int MOST_BY_DEFAULT = 4;

    private static final int LEAST_BY_DEFAULT = 2;

    private Devices() {}

    /**
     * Finds the devices.
     *
     * @param specification as on the command line
     * @param processors logical processors that may be used
     * @param cpuModel their name
     * @throws LockstepException USAGE for what is no specification, ENVIRONMENT for a device that is not there
     */
    public static List<Device> find(String specification, List<Integer> processors, String cpuModel) {
        if (specification.equals("auto")) {
            int count = Math.max(LEAST_BY_DEFAULT, Math.min(MOST_BY_DEFAULT, processors.size()));
            return cpu(count, processors, cpuModel);
        }
        Matcher cpu = CPU.matcher(specification);
        if (cpu.matches() && Integer.parseInt(cpu.group(1)) > 0) {
            return cpu(Integer.parseInt(cpu.group(1)), processors, cpuModel);
        }
        if (CUDA.matcher(specification).matches()) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "--devices " + specification
                            + ": this version of Lockstep has no CUDA devices yet: use cpu:N, for example cpu:2");
        }
        throw new LockstepException(
                FailureCategory.USAGE,
                "--devices '" + specification + "' is none of auto, cpu:N (N from 1 to 999), cuda:all, cuda:0,2");
    }

    /** Shares the processors evenly: whole processors each, or several replicas on one when there are too few. */
    private static List<Device> cpu(int count, List<Integer> processors, String cpuModel) {
        int share = Math.max(1, processors.size() / count);
        return IntStream.range(0, count)
                .mapToObj(index -> {
                    int first = index * share % processors.size();
                    List<Integer> own = processors.subList(first, first + share);
                    return new Device("cpu:" + index, DeviceKind.CPU, cpuModel, own, share);
                })
                .toList();
    }
}

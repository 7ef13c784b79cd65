package dev.lockstep.coordinator.host;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/** Reads what the kernel writes under {@code /proc} and {@code /sys}; see proc(5) and the kernel's cgroup documentation. */
final class MachineTexts {
    private MachineTexts() {}

    /**
     * Time of processors since boot, in ticks.
     *
     * @param busy in processes, their system calls included
     * @param stolen by the hypervisor
     */
    record ProcessorTicks(long busy, long stolen) {}

    /**
     * Adds up processors in {@code /proc/stat}.
     *
     * @param processors their numbers; those that are offline have no line and no time
     */
    static ProcessorTicks processorTicks(String stat, Collection<Integer> processors) {
        long busy = 0;
        long stolen = 0;
        for (String line : stat.lines().toList()) {
            // cpuN user nice system idle iowait irq softirq steal guest guest_nice; user holds guest already.
            String[] fields = line.split(" +", -1);
            if (fields[0].matches("cpu\\d+") && processors.contains(Integer.valueOf(fields[0].substring(3)))) {
                busy += Long.parseLong(fields[1]) + Long.parseLong(fields[2]) + Long.parseLong(fields[3]);
                stolen += Long.parseLong(fields[8]);
            }
        }
        return new ProcessorTicks(busy, stolen);
    }

    /** Time of a process with all its threads, in ticks, from its {@code /proc/PID/stat}. */
    static long processTicks(String stat) {
        // The command's name, in parentheses, may hold anything; utime and stime are the 14th and 15th field of all.
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
        return Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
    }

    /** The value of a line {@code name value}. */
    static Optional<Long> counter(String text, String name) {
        return text.lines()
                .filter(line -> line.startsWith(name + " "))
                .map(line -> Long.parseLong(line.substring(name.length() + 1).strip()))
                .findFirst();
    }

    /** A file's only figure; empty where the kernel writes a word such as {@code <unknown>} instead. */
    static Optional<Long> figure(String text) {
        String figure = text.strip();
        return figure.matches("\\d{1,18}") ? Optional.of(Long.parseLong(figure)) : Optional.empty();
    }

    /** Time of being throttled, in nanoseconds, from a group's {@code cpu.stat} of either version of control groups. */
    static Optional<Long> throttledNanos(String stat) {
        return counter(stat, "throttled_usec").map(micros -> micros * 1000).or(() -> counter(stat, "throttled_time"));
    }

    /**
     * Where the processor quota of a process may be set: its control group and all that hold it, as paths below
     * {@code /sys/fs/cgroup}. In a container some of them are out of sight.
     *
     * @param cgroup its {@code /proc/PID/cgroup}
     */
    static List<String> controlGroups(String cgroup) {
        List<String> groups = new ArrayList<>();
        for (String line : cgroup.lines().toList()) {
            // 0::PATH for version 2, NUMBER:CONTROLLERS:PATH for version 1, which has a folder for each set of
            // controllers.
            String[] fields = line.split(":", 3);
            if (fields[0].equals("0") || Arrays.asList(fields[1].split(",")).contains("cpu")) {
                String folder = fields[1].isEmpty() ? "" : fields[1] + "/";
                for (String path = fields[2].substring(1);
                        !path.isEmpty();
                        path = path.substring(0, Math.max(0, path.lastIndexOf('/')))) {
                    groups.add(folder + path);
                }
                groups.add(folder);
            }
        }
        return groups;
    }
}

package dev.lockstep.coordinator.host;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** The logical processors that this process may run on. */
public final class Processors {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final String ALLOWED = "Cpus_allowed_list:";

    private Processors() {}

    /** Their numbers as the kernel counts them, in order; a container or {@code taskset} may leave out any of them. */
    public static List<Integer> allowed() {
        return allowed(STATUS)
                .orElseGet(() -> IntStream.range(0, Runtime.getRuntime().availableProcessors())
                        .boxed()
                        .toList());
    }

    /** Those that a process or thread may run on; empty where it has ended, or the file does not say. */
    static Optional<List<Integer>> allowed(Path status) {
        return MachineFiles.read(status).flatMap(text -> text.lines()
                .filter(line -> line.startsWith(ALLOWED))
                .map(line -> parse(line.substring(ALLOWED.length()).strip()))
                .findFirst());
    }

    /** Reads the kernel's list format: {@code 0-3,8,10-11}. */
    public static List<Integer> parse(String list) {
        List<Integer> processors = new ArrayList<>();
        for (String range : list.split(",", -1)) {
            String[] ends = range.split("-", 2);
            int first = Integer.parseInt(ends[0]);
            int last = ends.length == 1 ? first : Integer.parseInt(ends[1]);
            IntStream.rangeClosed(first, last).forEach(processors::add);
        }
        return processors;
    }

    /** The kernel's list format for {@code processors}, which are in order. */
    public static String format(List<Integer> processors) {
        List<String> ranges = new ArrayList<>();
        int start = 0;
        for (int i = 1; i <= processors.size(); i++) {
            if (i == processors.size() || processors.get(i) != processors.get(i - 1) + 1) {
                int first = processors.get(start);
                int last = processors.get(i - 1);
                ranges.add(first == last ? String.valueOf(first) : first + "-" + last);
                start = i;
            }
        }
        return String.join(",", ranges);
    }
}

package dev.lockstep.coordinator.workers;

import dev.lockstep.coordinator.settings.JavaOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * How a process that computes with the engine is started: the same for a worker and for what is measured beside it.
 *
 * @param classPath of the worker's jars
 * @param javaOptions JVM options
 * @param engineEnvironment where the engine finds its natives
 * @param logDir the folder for logs, of crashes too
 */
public record ReplicaProcesses(
        String classPath, List<String> javaOptions, Map<String, String> engineEnvironment, Path logDir) {
    /**
     * glibc's malloc hands big blocks back to the kernel at once and takes them anew each step; kept, and in huge pages, a step is a third
     * faster: docs/adr/0009. The first arena alone can grow by big blocks and is left to the thread that trains, as far as that can be: the
     * others are for the rest of the process.
     */
    private static final Map<String, String> ALLOCATOR = Map.of(
            "MALLOC_ARENA_MAX", "32",
            "MALLOC_MMAP_THRESHOLD_", "4294967296",
            "MALLOC_TRIM_THRESHOLD_", "17179869184",
            "MALLOC_TOP_PAD_", "268435456");

    private static final String TUNABLES = "GLIBC_TUNABLES";
    private static final String HUGE_PAGES = "glibc.malloc.hugetlb=1";

    public ReplicaProcesses {
        javaOptions = List.copyOf(javaOptions);
        engineEnvironment = Map.copyOf(engineEnvironment);
    }

    /**
     * A process for one device, not started yet; its output goes nowhere in particular.
     *
     * @param mainClass on the class path
     */
    public ProcessBuilder builder(Device device, String mainClass) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(JavaOptions.forThisVersion());
        command.addAll(javaOptions);
        command.add("-XX:ErrorFile=" + logDir.resolve("worker-crash-%p.log"));
        command.add("-cp");
        command.add(classPath);
        command.add(mainClass);
        ProcessBuilder builder = new ProcessBuilder(command);
        Map<String, String> environment = builder.environment();
        environment.putAll(ALLOCATOR);
        // The user's own tunables stay, and what comes last wins.
        environment.merge(TUNABLES, HUGE_PAGES, (theirs, ours) -> ours + ":" + theirs);
        environment.putAll(engineEnvironment);
        environment.put("OMP_NUM_THREADS", String.valueOf(device.threads()));
        if (device.gpu() != null) {
            // It sees its own GPU alone, as the first.
            environment.put("CUDA_VISIBLE_DEVICES", device.gpu().uuid());
        }
        return builder;
    }
}

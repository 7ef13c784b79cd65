package dev.lockstep.coordinator.workers;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.common.work.TlsKeys;
import dev.lockstep.common.work.WorkerSettings;
import dev.lockstep.coordinator.settings.JavaOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Starts worker processes. All of them are forked from one thread that lives as long as the coordinator, because on Linux a worker's
 * parent, with which it ends, is the thread that forked it.
 */
public final class ForkingLauncher implements WorkerLauncher, AutoCloseable {
    private static final String MAIN_CLASS = "dev.lockstep.worker.actor.WorkerMain";
    /**
     * glibc's malloc hands big blocks back to the kernel at once and takes them anew each step; kept, a step is a third faster. One arena,
     * because the blocks of others cannot grow that big.
     */
    private static final Map<String, String> ALLOCATOR = Map.of(
            "MALLOC_ARENA_MAX", "1",
            "MALLOC_MMAP_THRESHOLD_", "4294967296",
            "MALLOC_TRIM_THRESHOLD_", "17179869184",
            "MALLOC_TOP_PAD_", "268435456");

    private final Setup setup;
    private final ExecutorService forker;

    /**
     * What all workers are started with.
     *
     * @param classPath of the worker's jars
     * @param javaOptions JVM options
     * @param engineEnvironment where the engine finds its natives
     * @param logDir the folder of their logs
     * @param tls null for plain TCP
     */
    public record Setup(
            String classPath,
            List<String> javaOptions,
            Map<String, String> engineEnvironment,
            Path logDir,
            int seedPort,
            Duration stepTimeout,
            TlsKeys tls) {
        public Setup {
            javaOptions = List.copyOf(javaOptions);
            engineEnvironment = Map.copyOf(engineEnvironment);
        }
    }

    public ForkingLauncher(Setup setup) {
        this.setup = setup;
        this.forker = Executors.newSingleThreadExecutor(task -> new Thread(task, "worker-forker"));
    }

    @Override
    public CompletionStage<Launched> launch(Device device, String token) {
        CompletableFuture<Launched> launched = new CompletableFuture<>();
        forker.execute(() -> {
            try {
                launched.complete(fork(device, token));
            } catch (IOException | RuntimeException e) {
                launched.completeExceptionally(e);
            }
        });
        return launched;
    }

    private Launched fork(Device device, String token) throws IOException {
        Path log = setup.logDir().resolve("worker-" + device.id().replace(':', '-') + ".log");
        long logStart = LogTail.size(log);
        ProcessBuilder builder = new ProcessBuilder(command());
        builder.redirectErrorStream(true);
        builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        Map<String, String> environment = builder.environment();
        environment.putAll(ALLOCATOR);
        environment.putAll(setup.engineEnvironment());
        environment.put("OMP_NUM_THREADS", String.valueOf(device.threads()));
        environment.put(WorkerSettings.VARIABLE, settings(device, token));
        return new Launched(builder.start(), log, logStart);
    }

    private List<String> command() {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(JavaOptions.forThisVersion());
        command.addAll(setup.javaOptions());
        command.add("-XX:ErrorFile=" + setup.logDir().resolve("worker-crash-%p.log"));
        command.add("-cp");
        command.add(setup.classPath());
        command.add(MAIN_CLASS);
        return command;
    }

    private String settings(Device device, String token) throws JsonProcessingException {
        return new ObjectMapper()
                .writeValueAsString(new WorkerSettings(
                        device.id(),
                        token,
                        ProcessHandle.current().pid(),
                        setup.seedPort(),
                        device.threads(),
                        device.cpus(),
                        setup.stepTimeout().toMillis(),
                        setup.tls()));
    }

    @Override
    public void close() {
        forker.shutdown();
    }
}

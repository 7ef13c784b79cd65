package dev.lockstep.coordinator.workers;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.common.work.Invitation;
import dev.lockstep.common.work.TlsKeys;
import dev.lockstep.common.work.WorkerSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
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

    private final Setup setup;
    private final ExecutorService forker;

    /**
     * What all workers are started with.
     *
     * @param tls null for plain TCP
     */
    public record Setup(ReplicaProcesses processes, int seedPort, Duration stepTimeout, TlsKeys tls) {}

    public ForkingLauncher(Setup setup) {
        this.setup = setup;
        this.forker = Executors.newSingleThreadExecutor(task -> new Thread(task, "worker-forker"));
    }

    @Override
    public CompletionStage<Launched> launch(Device device, Invitation invitation) {
        CompletableFuture<Launched> launched = new CompletableFuture<>();
        forker.execute(() -> {
            try {
                launched.complete(fork(device, invitation));
            } catch (IOException | RuntimeException e) {
                launched.completeExceptionally(e);
            }
        });
        return launched;
    }

    private Launched fork(Device device, Invitation invitation) throws IOException {
        Path log = setup.processes().logDir().resolve("worker-" + device.id().replace(':', '-') + ".log");
        long logStart = LogTail.size(log);
        ProcessBuilder builder = setup.processes().builder(device, MAIN_CLASS);
        builder.redirectErrorStream(true);
        builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        builder.environment().put(WorkerSettings.VARIABLE, settings(device, invitation));
        return new Launched(builder.start(), log, logStart);
    }

    private String settings(Device device, Invitation invitation) throws JsonProcessingException {
        return new ObjectMapper()
                .writeValueAsString(new WorkerSettings(
                        device.id(),
                        device.kind(),
                        invitation,
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

package dev.lockstep.coordinator.gpu;

import dev.lockstep.common.report.GpuConditions;
import dev.lockstep.common.threads.DaemonThreads;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** Looks at the GPUs of a measurement while its steps run, on a thread of its own: at once, every second, and at the end. */
public final class GpuWatch {
    /** More often would itself disturb: a look takes the driver's lock. */
    private static final Duration INTERVAL = Duration.ofSeconds(1);

    private final ClusterGpus gpus;
    private final List<GpuSamples> samples = new ArrayList<>();
    private final ScheduledExecutorService executor =
            Executors.newSingleThreadScheduledExecutor(DaemonThreads.named("gpu-watch"));

    private final ScheduledFuture<?> looks;

    private GpuWatch(ClusterGpus gpus, List<String> deviceIds) {
        this.gpus = gpus;
        deviceIds.forEach(id -> samples.add(new GpuSamples(id, gpus.workersBeside(id))));
        // What fails here fails the last look too, which tells. The first one is taken however soon the end comes.
        executor.execute(this::look);
        this.looks = executor.scheduleWithFixedDelay(
                this::look, INTERVAL.toMillis(), INTERVAL.toMillis(), TimeUnit.MILLISECONDS);
    }

    /**
     * Begins to look.
     *
     * @param deviceIds of GPUs, in rank order
     */
    public static GpuWatch start(ClusterGpus gpus, List<String> deviceIds) {
        return new GpuWatch(gpus, deviceIds);
    }

    private void look() {
        samples.forEach(one -> one.add(gpus.read(one.deviceId())));
    }

    /** Looks once more and ends; done with what was seen. */
    public CompletionStage<GpuConditions> stop() {
        CompletionStage<GpuConditions> seen = CompletableFuture.supplyAsync(
                () -> {
                    look();
                    return new GpuConditions(
                            samples.stream().map(GpuSamples::conditions).toList(),
                            samples.stream()
                                    .flatMap(one -> one.disturbances().stream())
                                    .toList());
                },
                executor);
        executor.shutdown();
        return seen;
    }

    /** Ends without a result: the steps did not come to their end. */
    public void abandon() {
        looks.cancel(false);
        executor.shutdown();
    }
}

package dev.lockstep.coordinator.gpu;

import dev.lockstep.common.report.GpuConditions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Looks at the GPUs of a measurement while its steps run, on a thread of its own: at once, every second, and at the end. */
public final class GpuWatch {
    /** More often would itself disturb: a look takes the driver's lock. */
    private static final Duration INTERVAL = Duration.ofSeconds(1);

    private final ClusterGpus gpus;
    private final List<GpuSamples> samples = new ArrayList<>();
    private final ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "gpu-watch");
        thread.setDaemon(true);
        return thread;
    });

    private GpuWatch(ClusterGpus gpus, List<String> deviceIds) {
        this.gpus = gpus;
        deviceIds.forEach(id -> samples.add(new GpuSamples(id, gpus.workersBeside(id))));
    }

    /**
     * Begins to look.
     *
     * @param deviceIds of GPUs, in rank order
     */
    public static GpuWatch start(ClusterGpus gpus, List<String> deviceIds) {
        GpuWatch watch = new GpuWatch(gpus, deviceIds);
        // What fails ends the ticks and fails the last look too, which tells.
        watch.executor.scheduleWithFixedDelay(watch::look, 0, INTERVAL.toMillis(), TimeUnit.MILLISECONDS);
        return watch;
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
}

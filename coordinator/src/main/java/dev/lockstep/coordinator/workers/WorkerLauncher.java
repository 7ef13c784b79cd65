package dev.lockstep.coordinator.workers;

import dev.lockstep.common.work.Invitation;
import java.nio.file.Path;
import java.util.concurrent.CompletionStage;

/** Starts worker processes. */
public interface WorkerLauncher {
    /** Starts the worker of a device, which introduces itself as invited; fails with the IOException of the start. */
    CompletionStage<Launched> launch(Device device, Invitation invitation);

    /**
     * A process that was started.
     *
     * @param log the file with what it writes
     * @param logStart where its part of the file begins
     */
    record Launched(Process process, Path log, long logStart) {}
}

package dev.lockstep.coordinator.overhead;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.coordinator.workers.Device;
import dev.lockstep.coordinator.workers.ReplicaProcesses;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;

/** The benchmark of the reduce over two processes. */
public final class ReduceBenchmark {
    /** How many devices it takes. */
    public static final int DEVICES = 2;

    private static final String MAIN_CLASS = "dev.lockstep.worker.bench.ReduceBenchmark";

    private ReduceBenchmark() {}

    /**
     * Runs it.
     *
     * @param devices one for each rank
     * @param cancelled whether the user wants an end
     * @param patience how long it may take
     * @return what it printed
     * @throws dev.lockstep.common.failure.LockstepException if it could not be started, failed or took too long
     */
    public static JsonNode run(
            List<Device> devices, ReplicaProcesses processes, BooleanSupplier cancelled, Duration patience) {
        ProcessBuilder builder = processes.builder(devices.get(0), MAIN_CLASS);
        // What the virtual machine itself has to say must not mix with the answer.
        builder.command().add(1, "-XX:+DisplayVMOutputToStderr");
        builder.command().add(String.valueOf(devices.get(0).threads()));
        devices.forEach(device -> builder.command()
                .add(device.cpus().stream().map(String::valueOf).collect(Collectors.joining(","))));
        Path log = processes.logDir().resolve("reduce-benchmark.log");
        try (BareLoopProcess process = BareLoopProcess.start("reduce benchmark", builder, log, cancelled)) {
            return process.awaitJson(patience);
        }
    }
}

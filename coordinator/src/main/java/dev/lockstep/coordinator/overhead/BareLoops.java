package dev.lockstep.coordinator.overhead;

import dev.lockstep.common.work.BareOrder;
import dev.lockstep.common.work.BareReport;
import dev.lockstep.common.work.BareSignal;
import dev.lockstep.coordinator.workers.Device;
import dev.lockstep.coordinator.workers.ReplicaProcesses;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Bare training loops, one process a device. They live from start to close, as workers do, and between orders they rest; what they
 * trained is gone by then.
 */
public final class BareLoops implements AutoCloseable {
    private static final String MAIN_CLASS = "dev.lockstep.worker.bench.BareLoop";

    private final List<BareLoopProcess> loops = new ArrayList<>();

    /**
     * Starts a loop for each device, with what a worker of it is started with.
     *
     * @param cancelled whether the user wants an end
     * @throws dev.lockstep.common.failure.LockstepException ENVIRONMENT if one cannot be started
     */
    public static BareLoops start(List<Device> devices, ReplicaProcesses processes, BooleanSupplier cancelled) {
        return start(devices, device -> builder(device, processes), processes.logDir(), cancelled);
    }

    private static ProcessBuilder builder(Device device, ReplicaProcesses processes) {
        ProcessBuilder builder = processes.builder(device, MAIN_CLASS);
        // What the virtual machine itself has to say must not mix with the loop's answers.
        builder.command().add(1, "-XX:+DisplayVMOutputToStderr");
        builder.command().add(String.valueOf(device.threads()));
        builder.command().add(device.cpus().stream().map(String::valueOf).collect(Collectors.joining(",")));
        return builder;
    }

    static BareLoops start(
            List<Device> devices, Function<Device, ProcessBuilder> builder, Path logDir, BooleanSupplier cancelled) {
        BareLoops started = new BareLoops();
        try {
            for (Device device : devices) {
                Path log = logDir.resolve("bare-" + device.id().replace(':', '-') + ".log");
                started.loops.add(
                        BareLoopProcess.start("bare loop of " + device.id(), builder.apply(device), log, cancelled));
            }
        } catch (RuntimeException e) {
            started.close();
            throw e;
        }
        return started;
    }

    /**
     * Has the first loops train side by side. Their measured steps begin together, and none rests before all are through with them.
     *
     * @param patience how long a step may take
     * @return what each reports
     * @throws dev.lockstep.common.failure.LockstepException if one failed, ended or was silent for too long, or the user wants an end;
     *     the loops are then of no more use
     */
    public List<BareReport> train(int count, BareOrder order, Duration patience) {
        List<BareLoopProcess> taken = loops.subList(0, count);
        Duration allSteps = patience.multipliedBy(order.warmupSteps() + order.steps());
        taken.forEach(loop -> loop.order(order));
        taken.forEach(loop -> loop.await(BareSignal.READY, allSteps));
        taken.forEach(loop -> loop.say(BareSignal.GO));
        List<BareReport> reports =
                taken.stream().map(loop -> loop.awaitReport(allSteps)).toList();
        taken.forEach(loop -> loop.say(BareSignal.STOP));
        taken.forEach(loop -> loop.await(BareSignal.RELEASED, patience));
        return reports;
    }

    /** Ends the processes. */
    @Override
    public void close() {
        loops.forEach(BareLoopProcess::close);
    }
}

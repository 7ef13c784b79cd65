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
public final class BareLoops implements Turns.Side, AutoCloseable {
    private static final String MAIN_CLASS = "dev.lockstep.worker.bench.BareLoop";

    private final List<BareLoopProcess> loops = new ArrayList<>();
    private List<BareLoopProcess> taken = List.of();
    private List<BareReport> reports = List.of();

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
     * Has the first loops train side by side. Their timed steps begin together, when the slowest is warm, and none rests before {@link #end}.
     *
     * @param patience how long a step may take
     * @throws dev.lockstep.common.failure.LockstepException if one failed, ended or was silent for too long, or the user wants an end;
     *     the loops are then of no more use
     */
    public void begin(int count, BareOrder order, Duration patience) {
        taken = loops.subList(0, count);
        reports = new ArrayList<>();
        Duration warmup = patience.multipliedBy(order.warmupSteps() + 1);
        taken.forEach(loop -> loop.order(order));
        taken.forEach(loop -> loop.await(BareSignal.READY, warmup));
        taken.forEach(loop -> loop.say(BareSignal.GO));
    }

    /**
     * Looks whether all have reported.
     *
     * @throws dev.lockstep.common.failure.LockstepException as {@link #begin} does
     */
    @Override
    public boolean isThrough() {
        if (reports.size() < taken.size()) {
            taken.get(reports.size()).lookForReport().ifPresent(reports::add);
        }
        return reports.size() == taken.size();
    }

    /**
     * Lets go of what was trained.
     *
     * @return what each reports
     * @throws dev.lockstep.common.failure.LockstepException as {@link #begin} does
     */
    public List<BareReport> end(Duration patience) {
        taken.forEach(loop -> loop.say(BareSignal.STOP));
        taken.forEach(loop -> loop.await(BareSignal.RELEASED, patience));
        return List.copyOf(reports);
    }

    @Override
    public String name() {
        return "bare loops";
    }

    @Override
    public List<Long> pids() {
        return loops.stream().map(BareLoopProcess::pid).toList();
    }

    /** Ends the processes. */
    @Override
    public void close() {
        loops.forEach(BareLoopProcess::close);
    }
}

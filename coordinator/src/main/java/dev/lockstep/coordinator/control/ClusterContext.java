package dev.lockstep.coordinator.control;

import akka.actor.typed.ActorRef;
import dev.lockstep.common.work.CollectiveKind;
import dev.lockstep.coordinator.gpu.ClusterGpus;
import dev.lockstep.coordinator.host.CoreTurns;
import dev.lockstep.coordinator.host.Host;
import dev.lockstep.coordinator.host.MachineFiles;
import dev.lockstep.coordinator.host.MachineWatch;
import dev.lockstep.coordinator.host.SystemDescription;
import dev.lockstep.coordinator.settings.CoordinatorSettings;
import dev.lockstep.coordinator.workers.Lease.LeasedWorker;
import dev.lockstep.coordinator.workers.WorkerPool;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/**
 * What every run of a cluster shares.
 *
 * @param epochs number of the latest measurement within the cluster's life
 * @param blocking runs what blocks
 * @param gpus of the cluster's devices, if any
 */
public record ClusterContext(
        CoordinatorSettings settings,
        Host host,
        SystemDescription system,
        ActorRef<WorkerPool.Command> pool,
        Footprints footprints,
        AtomicLong epochs,
        MachineFiles machine,
        CoreTurns coreTurns,
        Executor blocking,
        ClusterGpus gpus) {

    /** How these devices exchange tensors, by their ids in rank order. */
    CollectiveKind collective(List<String> deviceIds) {
        return settings.gpuCollective()
                .choose(deviceIds.stream().map(gpus::uuid).toList());
    }

    /** What these workers may use together, with the measurement's segment; blocks. */
    double budgetMiB(List<LeasedWorker> workers) {
        return settings.memoryLimitMiB() != null
                ? settings.memoryLimitMiB()
                : host.availableMiB(workers.stream().map(LeasedWorker::pid).toList());
    }

    /** Has these workers take turns at their cores from now on. */
    CoreTurns.Session takeTurns(List<LeasedWorker> workers) {
        return coreTurns.begin(workers.stream()
                .map(worker -> new CoreTurns.Seat(worker.pid(), worker.cpus()))
                .toList());
    }

    /** A watch over this machine, to which the coordinator and these workers are no disturbance. */
    MachineWatch watch(List<LeasedWorker> workers) {
        List<Long> pids = Stream.concat(
                        Stream.of(ProcessHandle.current().pid()),
                        workers.stream().map(LeasedWorker::pid))
                .toList();
        return new MachineWatch(nanos -> machine.sample(nanos, pids), machine.processorCount());
    }
}

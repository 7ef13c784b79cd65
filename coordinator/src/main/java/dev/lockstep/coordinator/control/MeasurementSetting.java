package dev.lockstep.coordinator.control;

import akka.actor.typed.ActorRef;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.work.CollectiveKind;
import dev.lockstep.common.work.CommunicatorId;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.coordinator.host.CoreTurns;
import dev.lockstep.coordinator.host.MachineWatch;
import dev.lockstep.coordinator.workers.Lease.LeasedWorker;
import dev.lockstep.coordinator.workers.WorkerPool;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * What a measurement works with.
 *
 * @param training what each replica trains, as plan and spec have it
 * @param files where the weights come from and go to
 * @param epoch its number within the cluster's life
 * @param footprint of the model, when an earlier measurement has found it out; else null
 * @param collective how these devices exchange tensors, by their ids in rank order
 * @param budgetMiB what these workers may use together; called on the blocking executor
 * @param totalMemoryMiB the machine's
 * @param watch makes a watch over the machine that these workers run on
 * @param turns has these workers take turns at their cores from now on
 * @param blocking runs what blocks
 */
record MeasurementSetting(
        MeasurementSpec spec,
        Plan plan,
        TrainingSpec training,
        StateFiles files,
        String runId,
        long epoch,
        ModelFootprint footprint,
        Function<List<String>, CollectiveKind> collective,
        ToDoubleFunction<List<LeasedWorker>> budgetMiB,
        double totalMemoryMiB,
        ActorRef<WorkerPool.Command> pool,
        Duration stepTimeout,
        Function<List<LeasedWorker>, MachineWatch> watch,
        Function<List<LeasedWorker>, CoreTurns.Session> turns,
        Executor blocking) {

    /** What one rank is told to be. */
    ReplicaSpec replica(int rank, Segment segment, CollectiveKind decided, CommunicatorId communicator) {
        return new ReplicaSpec(
                runId,
                epoch,
                rank,
                spec.deviceCount(),
                spec.strategy(),
                training,
                files,
                segment.path().toString(),
                segment.layout(),
                decided,
                communicator);
    }
}

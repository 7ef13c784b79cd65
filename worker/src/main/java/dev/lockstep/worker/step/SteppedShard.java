package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.worker.collective.Shard;
import dev.lockstep.worker.optimizer.Optimizer;
import java.io.IOException;

/**
 * The part of the parameters that one replica answers for.
 *
 * @param sums the gradients summed over all ranks, float32 [shard]; they lie in replica 0's gradients, or in the replica's own
 * @param optimizer steps this part of the parameters by them
 */
record SteppedShard(NDArray sums, Optimizer optimizer) {
    /** @throws IOException if the segment cannot be mapped */
    static SteppedShard of(NDManager manager, Segment segment, Replica replica, ReplicaSpec spec) throws IOException {
        FlatTensor allSums = FlatTensor.over(manager, replica.gradients().layout(), segment.gradients(0));
        Shard shard = Shard.of(
                spec.rank(), spec.ranks(), replica.parameters().layout().floats());
        NDArray sums = allSums.shard(manager, shard);
        NDArray parameters = replica.parameters().shard(manager, shard);
        return new SteppedShard(sums, Optimizer.create(spec.training().optimizer(), manager, parameters, sums));
    }

    /** Steps the parameters, if the shard has any. */
    void step() {
        if (sums.size() > 0) {
            optimizer.step();
        }
    }

    /** All of a replica that has memory of its own, as {@code DistributedDataParallel} has it, and {@code DataParallel} on replica 0. */
    static SteppedShard whole(NDManager manager, Replica replica, OptimizerSpec optimizer) {
        NDArray sums = replica.gradients().array();
        return new SteppedShard(
                sums, Optimizer.create(optimizer, manager, replica.parameters().array(), sums));
    }
}

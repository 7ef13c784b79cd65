package dev.lockstep.worker.step;

import dev.lockstep.common.work.CommunicatorId;
import dev.lockstep.common.work.EngineInfo;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.common.work.TrainingSpec;

/**
 * All that touches the engine in a worker. Every method is called on the one training thread of the worker's life, because
 * libtorch keeps its modes per thread. Failures are {@link dev.lockstep.common.failure.LockstepException}s with a sentence for the
 * user; anything else is a defect.
 *
 * <p>At most one replica is prepared at a time: {@link #prepare}, then {@link #runStep} as often as wanted, then {@link #summarise},
 * then {@link #release}.
 */
public interface TrainingEngine {
    /** Loads the engine and warms it. */
    EngineInfo start();

    /** Builds the model on its own, runs small steps with it, and lets go of it again. */
    ModelFootprint probe(TrainingSpec training);

    /**
     * Makes what the replicas of a measurement find each other by under NCCL; it is replica 0's to make.
     *
     * @throws dev.lockstep.common.failure.LockstepException ENVIRONMENT if this engine has no NCCL
     */
    CommunicatorId createCommunicatorId();

    /** Builds the replica over its segment; on rank 0 the segment then holds the initial parameters and buffers. */
    void prepare(ReplicaSpec replica);

    /**
     * Runs one step, meeting the other replicas in the segment.
     *
     * @throws dev.lockstep.common.failure.LockstepException when a peer did not come in time, naming it, or the segment was aborted
     */
    StepReport runStep(StepCommand command);

    /** How the prepared replica stands after its last step. */
    ReplicaSummary summarise();

    /** Lets go of the replica and unmaps its segment; does nothing when there is none. */
    void release();
}

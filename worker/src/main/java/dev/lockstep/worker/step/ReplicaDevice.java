package dev.lockstep.worker.step;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDManager;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.work.CommunicatorId;
import dev.lockstep.common.work.EngineInfo;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.worker.collective.Collective;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;
import dev.lockstep.worker.precision.Arithmetic;
import java.io.IOException;
import java.time.Duration;

/**
 * What a replica computes on: all that differs between a CPU and a GPU. Of the training thread alone.
 *
 * <p>On the CPU a replica's tensors lie in the segment, or are read there. On a GPU they are the GPU's own, and what the host has or wants
 * is copied: inputs to it, logits from it, and whole flat tensors for files and checksums ({@link FlatTensor#onHost}).
 */
interface ReplicaDevice {
    /** Where arrays live. */
    Device place();

    /** What autocast calls it. */
    DeviceType type();

    /**
     * Makes sure that it is there and computes. The engine is loaded.
     *
     * @param manager of arrays on this device
     * @return the engine's description
     * @throws LockstepException ENVIRONMENT if it cannot be used; another device never steps in
     */
    EngineInfo start(NDManager manager);

    /** What a model needs here. */
    ModelFootprint probe(NDManager manager, TrainingSpec training);

    /** Begins a measurement: memory's peak starts anew. */
    void beginMeasurement();

    /** After a training's first step, whose memory need not be that of the others. */
    void endFirstStep();

    /**
     * Sets how float32 is computed with.
     *
     * @return whether convolutions may now use TF32 on float32
     */
    boolean setArithmetic(Precision precision);

    /**
     * The measurement's replica. Rank 0's holds initial values.
     *
     * @throws IOException if the segment cannot be mapped
     */
    Replica replica(NDManager manager, ReplicaSpec spec, Arithmetic arithmetic, Segment segment) throws IOException;

    /**
     * How the replica runs the model.
     *
     * @param manager of the replica
     */
    Passes passes(Replica replica, TrainingSpec training, NDManager manager);

    /**
     * The segment's inputs as arrays of this device.
     *
     * @param manager of the replica
     */
    InputSlots inputs(NDManager manager, Segment segment, int imageSize, boolean channelsLast);

    /**
     * What the replica does together with the others.
     *
     * @param patience how long to wait for another replica
     * @throws IOException if the segment cannot be mapped
     */
    Collective collective(ReplicaSpec spec, Segment segment, Replica replica, Duration patience) throws IOException;

    /**
     * Makes what replicas find each other by under NCCL.
     *
     * @throws LockstepException if there is no NCCL here
     */
    CommunicatorId createCommunicatorId();

    /** Whether the replicas of such devices compute with one copy of the parameters, so that each can step its part of it. */
    boolean sharesParameters();

    /**
     * What the replica steps: its shard of shared parameters, or all of its own.
     *
     * @throws IOException if the segment cannot be mapped
     */
    SteppedShard steppedShard(NDManager manager, ReplicaSpec spec, Segment segment, Replica replica) throws IOException;

    /** Starts to time a step. Only the one that was started last may be used. */
    PhaseClock startClock();

    /** Memory since the first step, or since {@link #beginMeasurement} where there was but one. */
    MemoryUse memory();

    /** Ends a measurement, after its arrays are closed and before its segment is: what the host locked for it is free again. */
    void endMeasurement();

    /**
     * What libtorch said, as one sentence and without its native stack.
     *
     * @param what failed
     * @param images samples that it was done for; 0 when for none
     */
    LockstepException failure(String what, int images, EngineException cause);

    /**
     * How much memory a measurement took.
     *
     * @param peakMiB null where the platform does not tell
     * @param kind what that figure is, as {@code memoryMiB.kind} in the report; null with it
     * @param deviceUsedMiB what all processes hold of a GPU's memory now; null on a CPU
     */
    record MemoryUse(Double peakMiB, String kind, Double deviceUsedMiB) {}
}

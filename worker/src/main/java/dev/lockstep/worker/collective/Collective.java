package dev.lockstep.worker.collective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.lockstep.common.work.StepCommand;

/**
 * What replicas do together in a step. Each method waits for whom it needs.
 *
 * <p>Data-parallel, in this order: {@link #begin}, {@link #replicate}, {@link #gather}, {@link #scatter}, {@link #reduce}. Every active
 * rank calls all of them, an idle one {@link #begin} and {@link #sitOut}. Replicas that share their parameters end the step as all-reduce
 * does, in place of {@link #reduce}.
 *
 * <p>All-reduce: {@link #begin}; on active ranks {@link #replicate} and {@link #shareLogits}, on idle ones {@link #sitOut};
 * {@link #reduceShard}; {@link #anyOverflow} if the loss is scaled; {@link #awaitUpdates}. Idle ranks have their part to step, too.
 *
 * <p>Every rank ends each step with {@link #end}, and its last with {@link #settle}.
 *
 * <p>A wait ends in a {@link dev.lockstep.common.failure.LockstepException} when the measurement was aborted or a rank does not
 * come in time.
 */
public interface Collective extends AutoCloseable {
    /** Names the step that the following calls belong to, and with it who is active. */
    void begin(StepCommand step);

    /** Brings replica 0's parameters and running statistics, as its last step left them, to all. */
    void replicate();

    /** What a rank without samples does instead of all that the others do with theirs, so that none of them waits for it. */
    default void sitOut() {}

    /**
     * Brings the logits of all chunks to replica 0.
     *
     * @param manager owns the result, unless the collective keeps it: it is good for this step
     * @param logits of this rank's chunk: float32 [chunk, classes]
     * @return on replica 0 float32 [batch, classes], without a gradient's history; null on the others
     */
    NDArray gather(NDManager manager, NDArray logits);

    /**
     * Brings each rank its part of the loss's gradient by the logits.
     *
     * @param manager owns the result, unless the collective keeps it: it is good for this step
     * @param gradient on replica 0 float32 [batch, classes]; null on the others
     * @return float32 [chunk, classes]
     */
    NDArray scatter(NDManager manager, NDArray gradient);

    /** Sums all ranks' flat gradients into replica 0's, in rank order. The others' are theirs to change afterwards. */
    void reduce(NDManager manager);

    /** Lets replica 0 read this rank's logits, float32 [chunk, classes], once the step is over. */
    void shareLogits(NDArray logits);

    /**
     * Sums the active ranks' flat gradients. In shared memory each rank sums those of its {@link Shard}, in rank order, into replica 0's;
     * replicas with memory of their own hold all the sums in their own gradients afterwards.
     *
     * @param lossShare what this rank's chunk adds to the batch's loss; 0 if it has none
     * @return on replica 0 the batch's loss; null on the others
     */
    Double reduceShard(NDManager manager, double lossShare);

    /**
     * Whether any rank's shard of the sums holds inf or nan.
     *
     * @param here whether this rank's does
     */
    boolean anyOverflow(boolean here);

    /**
     * Announces that this rank has stepped its part of the parameters. Returns when every rank has, and with it is done with the
     * gradients; under data-parallel on replica 0 alone, without which no other begins its next step.
     */
    void awaitUpdates();

    /** Time spent waiting for other ranks since the last call, in nanoseconds. */
    long takeWaitNanos();

    /**
     * Returns when what the step started is done, on the device too.
     *
     * @throws dev.lockstep.common.failure.LockstepException if some of it failed
     */
    default void end() {}

    /** Brings every replica, idle ones too, the parameters as the last step left them. All ranks call it, and none steps afterwards. */
    default void settle() {}

    /** Lets go of what the exchange holds. Call it on the training thread, before the segment is closed. */
    @Override
    default void close() {}
}

package dev.lockstep.worker.collective;

/** How far a rank is within a step. A rank publishes a stage when what others need of it is in the segment. */
enum Stage {
    /** Replica 0 is done with the step before; its parameters and running statistics may be read. */
    REPLICATED(1),
    /** The chunk's logits may be read. */
    GATHERED(2),
    /** The loss's gradient may be read. */
    LOSS_DONE(3),
    /** The rank's gradients may be read. */
    BACKWARD_DONE(4),
    /** The rank's share of the sum is in replica 0's gradients, and it reads no one's any more. */
    REDUCED(5),
    /** The rank has said whether its shard of the sums holds inf or nan. */
    CHECKED(6),
    /** The rank's shard of the parameters is that of the next step. */
    UPDATED(7);

    private static final int NUMBERS_PER_STEP = 8;

    private final int number;

    Stage(int number) {
        this.number = number;
    }

    /** The progress word of this stage of a step: greater than that of any earlier stage or step, and than 0. */
    long progress(long step) {
        return step * NUMBERS_PER_STEP + number;
    }
}

package dev.lockstep.common.work;

import java.util.List;

/**
 * One training step, the same command for every rank.
 *
 * @param step number within the measurement, from 0, warm-up included
 * @param slot the input slot that holds the step's batch
 * @param chunks samples of each rank's chunk, in rank order; ranks beyond the list are idle in this step
 */
public record StepCommand(long step, int slot, List<Integer> chunks, Reduction reduction) {
    public StepCommand {
        chunks = List.copyOf(chunks);
    }

    /** Samples of the whole batch. */
    public int batch() {
        return chunks.stream().mapToInt(Integer::intValue).sum();
    }

    /** First sample of a rank's chunk within the batch. */
    public int firstSample(int rank) {
        return chunks.stream().limit(rank).mapToInt(Integer::intValue).sum();
    }

    /** Whether a rank has samples in this step. */
    public boolean isActive(int rank) {
        return rank < chunks.size();
    }
}

package dev.lockstep.common.plan;

import java.util.List;

/**
 * One configuration of a plan: what becomes one row of the report.
 *
 * @param id unique within the run, made of its parts: {@code data-parallel-fp32-2x16}
 * @param globalBatch samples scattered in each step
 * @param chunks samples of each chunk, as {@link Chunks#of} splits the batch
 */
public record MeasurementSpec(
        String id,
        Strategy strategy,
        Precision precision,
        int deviceCount,
        int globalBatch,
        List<Integer> chunks,
        int warmupSteps,
        int steps) {

    public MeasurementSpec {
        chunks = List.copyOf(chunks);
    }

    /** Samples on the fullest device: the batch per device of weak scaling. */
    public int batchPerDevice() {
        return chunks.get(0);
    }

    /** Steps of the warm-up and the measurement together. */
    public int totalSteps() {
        return warmupSteps + steps;
    }
}

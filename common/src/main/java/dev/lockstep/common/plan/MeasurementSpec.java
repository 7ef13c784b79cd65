package dev.lockstep.common.plan;

import java.util.List;

/**
 * One configuration of a plan: what becomes one row of the report.
 *
 * @param id unique within the run, made of its parts: {@code data-parallel-fp32-2x16}
 * @param globalBatch samples scattered in each step
 * @param chunks samples of each chunk, as {@link Chunks#of} splits the batch
 * @param warmupSteps least number of steps before the first measured one
 * @param steps measured steps
 * @param warmupLimit most steps before the first measured one
 */
public record MeasurementSpec(
        String id,
        Strategy strategy,
        Precision precision,
        int deviceCount,
        int globalBatch,
        List<Integer> chunks,
        int warmupSteps,
        int steps,
        int warmupLimit) {

    public MeasurementSpec {
        chunks = List.copyOf(chunks);
    }

    /** A measurement whose warm-up has exactly {@code warmupSteps} steps. */
    public MeasurementSpec(
            String id,
            Strategy strategy,
            Precision precision,
            int deviceCount,
            int globalBatch,
            List<Integer> chunks,
            int warmupSteps,
            int steps) {
        this(id, strategy, precision, deviceCount, globalBatch, chunks, warmupSteps, steps, warmupSteps);
    }

    /** Samples on the fullest device: the batch per device of weak scaling. */
    public int batchPerDevice() {
        return chunks.get(0);
    }

    /** Steps of the shortest warm-up and the measurement together. */
    public int totalSteps() {
        return warmupSteps + steps;
    }
}

package dev.lockstep.common.plan;

import java.util.List;
import java.util.Optional;

/**
 * One configuration of a plan: what becomes one row of the report.
 *
 * @param id unique within the run, made of its parts: {@code data-parallel-fp32-2x16}
 * @param globalBatch samples scattered in each step
 * @param chunks samples of each chunk, as {@link Chunks#of} splits the batch
 * @param scaling what the batch was asked for as: so many a device, or so many over all
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
        Scaling scaling) {

    public MeasurementSpec {
        chunks = List.copyOf(chunks);
    }

    /** The configuration with the usual id and chunks. */
    public static MeasurementSpec of(
            Strategy strategy,
            Precision precision,
            int deviceCount,
            int globalBatch,
            int warmupSteps,
            int steps,
            Scaling scaling) {
        List<Integer> chunks = Chunks.of(globalBatch, deviceCount);
        String id = "%s-%s-%dx%d".formatted(strategy.label(), precision.label(), deviceCount, chunks.get(0));
        return new MeasurementSpec(
                id, strategy, precision, deviceCount, globalBatch, chunks, warmupSteps, steps, scaling);
    }

    /** Samples on the fullest device: the batch per device of weak scaling. */
    public int batchPerDevice() {
        return chunks.get(0);
    }

    /** Steps of the warm-up and the measurement together. */
    public int totalSteps() {
        return warmupSteps + steps;
    }

    /** The same under another id. */
    public MeasurementSpec named(String otherId) {
        return new MeasurementSpec(
                otherId, strategy, precision, deviceCount, globalBatch, chunks, warmupSteps, steps, scaling);
    }

    /** The same with so many measured steps. */
    public MeasurementSpec withSteps(int otherSteps) {
        return new MeasurementSpec(
                id, strategy, precision, deviceCount, globalBatch, chunks, warmupSteps, otherSteps, scaling);
    }

    /**
     * The same with half the batch per device (weak scaling) or half the global batch (strong scaling), rounded down; empty when that
     * leaves none. The id stays.
     */
    public Optional<MeasurementSpec> halved() {
        int half =
                switch (scaling) {
                    case WEAK -> batchPerDevice() / 2 * deviceCount;
                    case STRONG -> globalBatch / 2;
                };
        return half == 0
                ? Optional.empty()
                : Optional.of(of(strategy, precision, deviceCount, half, warmupSteps, steps, scaling)
                        .named(id));
    }
}

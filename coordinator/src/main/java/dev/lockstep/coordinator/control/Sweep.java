package dev.lockstep.coordinator.control;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Scaling;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.BatchSweep;
import dev.lockstep.common.report.BatchTry;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;

/** The search for the largest batch of one precision and strategy, while it goes on. Each try is a short measurement. */
final class Sweep {
    /** The most is needed in the first step or two: gradients and the optimizer's state are there from then on. */
    private static final int WARMUP_STEPS = 1;

    private static final int STEPS = 2;
    /** More than any device holds; a search ends somewhere. */
    private static final int MOST_PER_DEVICE = 1 << 16;

    private final Precision precision;
    private final Strategy strategy;
    private final int deviceCount;
    private final BatchSearch search;
    private final List<BatchTry> tries = new ArrayList<>();
    private Failure failure;

    private Sweep(Precision precision, Strategy strategy, int deviceCount, BatchSearch search) {
        this.precision = precision;
        this.strategy = strategy;
        this.deviceCount = deviceCount;
        this.search = search;
    }

    /**
     * A search on the most devices of a plan, where replicas that share a memory have the least of it each.
     *
     * @param limit what an earlier search found for another strategy; empty without one
     */
    static Sweep of(Plan plan, Precision precision, Strategy strategy, OptionalInt limit) {
        int deviceCount = Collections.max(plan.devices());
        BatchSearch search = limit.isPresent()
                ? BatchSearch.downFrom(limit.getAsInt())
                : BatchSearch.upTo(most(plan.model(), deviceCount));
        return new Sweep(precision, strategy, deviceCount, search);
    }

    /** An input slot of a segment is mapped in one piece, which Java bounds to 2 GiB. */
    private static int most(ModelSpec model, int deviceCount) {
        long slotSamples = Integer.MAX_VALUE / (model.sampleFloats() * Float.BYTES);
        return (int) Math.max(1, Math.min(MOST_PER_DEVICE, slotSamples / deviceCount));
    }

    Precision precision() {
        return precision;
    }

    /** The next try; null when the search is over. */
    MeasurementSpec next() {
        OptionalInt batch = failure == null ? search.next() : OptionalInt.empty();
        if (batch.isEmpty()) {
            return null;
        }
        MeasurementSpec spec = MeasurementSpec.of(
                strategy, precision, deviceCount, batch.getAsInt() * deviceCount, WARMUP_STEPS, STEPS, Scaling.WEAK);
        return spec.named(spec.id() + "-try");
    }

    /** Books how the try that {@link #next} named ended. */
    void ended(BatchTry tried) {
        tries.add(tried);
        if (tried.fits()) {
            search.fits();
        } else if (Row.isForMemory(tried.error())) {
            search.doesNotFit();
        } else {
            failure = tried.error();
        }
        if (next() == null && largest().isEmpty()) {
            failure = tried.error();
        }
    }

    void cancel(Failure cancelled) {
        failure = cancelled;
    }

    /** What it found; empty while it goes on and when it came to nothing. */
    OptionalInt largest() {
        return failure == null && next() == null ? search.largest() : OptionalInt.empty();
    }

    /** Why it came to nothing; null otherwise. */
    Failure failure() {
        return failure;
    }

    /** The batch per device that was tried last; 1 when none was. */
    int lastTried() {
        return tries.isEmpty() ? 1 : tries.get(tries.size() - 1).batchPerDevice();
    }

    BatchSweep told() {
        OptionalInt largest = largest();
        return new BatchSweep(
                precision,
                strategy,
                deviceCount,
                largest.isPresent() ? (Integer) largest.getAsInt() : null,
                tries,
                failure);
    }
}

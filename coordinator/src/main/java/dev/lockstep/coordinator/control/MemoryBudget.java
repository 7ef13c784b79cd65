package dev.lockstep.coordinator.control;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.work.ModelFootprint;
import java.util.Optional;

/**
 * Whether a measurement's replicas fit the machine's memory together.
 *
 * @param segmentBytes the measurement's shared memory
 */
record MemoryBudget(MeasurementSpec spec, ModelFootprint footprint, long segmentBytes) {
    private static final double BYTES_PER_MIB = 1024.0 * 1024.0;

    /** What the replicas and the segment will need together; null when the platform does not tell. */
    Double neededMiB() {
        return isKnown() ? (Double) (fixedMiB() + spec.globalBatch() * footprint.perImageMiB()) : null;
    }

    /**
     * Compares what the replicas will need with what they may use. Only CPU replicas share the machine's memory like this: of replicas
     * on GPUs, whose footprint has no such figures, the segment alone counts.
     *
     * @param budgetMiB what the replicas and the segment may use together
     * @return why not, or empty when they fit or the platform does not tell what replicas need
     */
    Optional<Failure> check(double budgetMiB) {
        if (!isKnown()) {
            return checkSegment(segmentBytes / BYTES_PER_MIB, budgetMiB);
        }
        if (neededMiB() <= budgetMiB) {
            return Optional.empty();
        }
        return Optional.of(new Failure(
                FailureCategory.NOT_ENOUGH_MEMORY,
                ("%d replicas with %d images together need about %.0f MiB (%.0f fixed and %.1f an image), but %.0f MiB are"
                                + " available: use a smaller batch, a smaller image or fewer devices")
                        .formatted(
                                spec.deviceCount(),
                                spec.globalBatch(),
                                neededMiB(),
                                fixedMiB(),
                                footprint.perImageMiB(),
                                budgetMiB)));
    }

    private boolean isKnown() {
        return footprint.fixedMiB() != null && footprint.perImageMiB() != null;
    }

    private double fixedMiB() {
        return spec.deviceCount() * footprint.fixedMiB() + segmentBytes / BYTES_PER_MIB;
    }

    private static Optional<Failure> checkSegment(double segmentMiB, double budgetMiB) {
        if (segmentMiB <= budgetMiB) {
            return Optional.empty();
        }
        return Optional.of(new Failure(
                FailureCategory.NOT_ENOUGH_MEMORY,
                "the memory that the replicas share is %.0f MiB, but %.0f MiB are available: use a smaller batch or a smaller image"
                        .formatted(segmentMiB, budgetMiB)));
    }
}

package dev.lockstep.worker.precision;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.common.memory.LossScale;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.worker.libtorch.FusedKernels;
import java.util.Map;
import java.util.Optional;

/**
 * The scaling of the loss within a step, one for all replicas. Who computes a loss multiplies it with {@link #scale}. Where
 * parameters are replica 0's alone, it does all the rest; elsewhere each rank {@link #unscale}s its shard of the sums and tells the others
 * by {@link Segment#publishOverflow}, and they step their shards only if none found one. Replica 0 {@link #update}s either way, before the
 * next step begins.
 */
public sealed interface LossScaling {
    /** What the loss of this step is multiplied with. */
    double scale();

    /**
     * Takes the scale out of gradients, in place, after their reduction.
     *
     * @return whether all are finite; if not, no replica may step
     */
    boolean unscale(NDArray gradients);

    /**
     * Ends the step. For replica 0.
     *
     * @param overflow whether any rank's gradients held inf or nan
     */
    void update(boolean overflow);

    /** Whether the loss is scaled at all. */
    default boolean isActive() {
        return state().isPresent();
    }

    /** Where the scale stands; empty where the loss is not scaled. */
    Optional<LossScale> state();

    /** What a checkpoint keeps of it. */
    Map<String, String> toMetadata();

    /** The loss as it is. Gradients that are not finite are stepped by, as torch does without a scaler. */
    static LossScaling none() {
        return new None();
    }

    /** Scaling by replica 0, which decides by a scaler and publishes the scale in the segment. */
    static LossScaling leading(NDManager manager, Segment segment, GradScaler scaler) {
        segment.publishLossScale(scaler.state());
        return new Shared(manager, segment, scaler);
    }

    /** Scaling by any other replica, which reads the scale there. */
    static LossScaling following(NDManager manager, Segment segment) {
        return new Shared(manager, segment, null);
    }

    /** No scaling. */
    record None() implements LossScaling {
        @Override
        public double scale() {
            return 1;
        }

        @Override
        public boolean unscale(NDArray gradients) {
            return true;
        }

        @Override
        public void update(boolean overflow) {}

        @Override
        public Optional<LossScale> state() {
            return Optional.empty();
        }

        @Override
        public Map<String, String> toMetadata() {
            return Map.of();
        }
    }

    /**
     * Scaling by the scale in the segment.
     *
     * @param manager of what a step makes for a moment
     * @param scaler null but on replica 0
     */
    record Shared(NDManager manager, Segment segment, GradScaler scaler) implements LossScaling {
        @Override
        public double scale() {
            return segment.lossScale().scale();
        }

        @Override
        public boolean unscale(NDArray gradients) {
            // On a GPU the flag is read through a copy on the host, which the scope closes too.
            try (NDManager scope = manager.newSubManager()) {
                NDArray foundInf = scope.zeros(new Shape(), DataType.FLOAT32);
                NDArray inverse = scope.full(new Shape(), (float) (1 / scale()));
                FusedKernels.unscale(gradients, foundInf, inverse);
                return foundInf.getFloat() == 0;
            }
        }

        @Override
        public void update(boolean overflow) {
            scaler.update(overflow);
            segment.publishLossScale(scaler.state());
        }

        @Override
        public Optional<LossScale> state() {
            return Optional.of(segment.lossScale());
        }

        @Override
        public Map<String, String> toMetadata() {
            return new GradScaler(segment.lossScale()).toMetadata();
        }
    }
}

package dev.lockstep.worker.step;

import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.work.TrainingSpec;

/** A small training that takes milliseconds, and its data. */
final class TinyTraining {
    static final int CLASSES = 5;
    static final int IMAGE_SIZE = 32;
    static final OptimizerSpec SGD = new OptimizerSpec(OptimizerKind.SGD, 0.05, 0.9, 1e-4);
    private static final long DATA_SEED = 11;

    private TinyTraining() {}

    /** Without dropout and stochastic depth, so that every run computes the same. */
    static TrainingSpec quiet(long seed) {
        return spec(0.0, Precision.FP32, seed);
    }

    /** Quiet, in another precision. */
    static TrainingSpec quiet(Precision precision, long seed) {
        return spec(0.0, precision, seed);
    }

    /** With the model's own dropout and stochastic depth. */
    static TrainingSpec noisy(long seed) {
        return noisy(Precision.FP32, seed);
    }

    /** Noisy, in another precision. */
    static TrainingSpec noisy(Precision precision, long seed) {
        return spec(null, precision, seed);
    }

    /** The same training with steps that a GPU records. */
    static TrainingSpec recorded(TrainingSpec training) {
        return new TrainingSpec(
                training.model(),
                training.precision(),
                training.optimizer(),
                training.memoryFormat(),
                training.seed(),
                true);
    }

    /** The model without features. */
    static TrainingSpec empty() {
        ModelSpec model = new ModelSpec("empty", CLASSES, IMAGE_SIZE, null, null);
        return new TrainingSpec(model, Precision.FP32, SGD, MemoryFormat.CHANNELS_LAST, 0);
    }

    private static TrainingSpec spec(Double dropProbability, Precision precision, long seed) {
        ModelSpec model = new ModelSpec("tiny", CLASSES, IMAGE_SIZE, dropProbability, dropProbability);
        return new TrainingSpec(model, precision, SGD, MemoryFormat.CHANNELS_LAST, seed);
    }

    /** Images in NCHW order. */
    static float[] images(int batch) {
        return ConformanceValues.images(DATA_SEED, batch, IMAGE_SIZE);
    }

    static long[] labels(int batch) {
        return ConformanceValues.labels(DATA_SEED, batch, CLASSES);
    }
}

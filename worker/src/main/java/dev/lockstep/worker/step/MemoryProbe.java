package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.worker.libtorch.ResidentMemory;
import dev.lockstep.worker.model.EfficientNet;
import dev.lockstep.worker.optimizer.Optimizer;
import java.nio.ByteBuffer;
import java.util.OptionalDouble;

/** Finds what a model needs by running small steps of it in private memory. */
final class MemoryProbe {
    private static final int FEW_IMAGES = 1;
    private static final int MORE_IMAGES = 3;

    private final TrainingSpec training;

    MemoryProbe(TrainingSpec training) {
        this.training = training;
    }

    /** Builds the model under {@code parent}, measures, and lets go of it. */
    ModelFootprint measure(NDManager parent) {
        try (NDManager manager = parent.newSubManager()) {
            Replica replica = Replica.inPrivateMemory(manager, training.model());
            Optimizer optimizer = Optimizer.create(
                    training.optimizer(),
                    manager,
                    replica.parameters().array(),
                    replica.gradients().array());
            runStep(manager, replica, optimizer, FEW_IMAGES);
            OptionalDouble few = peakOf(manager, replica, optimizer, FEW_IMAGES);
            OptionalDouble more = peakOf(manager, replica, optimizer, MORE_IMAGES);
            Double perImage = null;
            Double fixed = null;
            if (few.isPresent() && more.isPresent()) {
                perImage = Math.max(0, (more.getAsDouble() - few.getAsDouble()) / (MORE_IMAGES - FEW_IMAGES));
                fixed = few.getAsDouble() - FEW_IMAGES * perImage;
            }
            return sizes(replica.model(), fixed, perImage);
        }
    }

    /** A model's sizes with what is known of its memory. */
    static ModelFootprint sizes(EfficientNet model, Double fixedMiB, Double perImageMiB) {
        FlatLayout parameters = FlatLayout.of(model.trainable());
        FlatLayout buffers = FlatLayout.of(model.runningStatistics());
        return new ModelFootprint(
                parameters.scalars(),
                parameters.places().size(),
                parameters.floats(),
                buffers.floats(),
                fixedMiB,
                perImageMiB);
    }

    private OptionalDouble peakOf(NDManager manager, Replica replica, Optimizer optimizer, int images) {
        ResidentMemory.resetPeak();
        runStep(manager, replica, optimizer, images);
        return ResidentMemory.peakMiB();
    }

    private void runStep(NDManager manager, Replica replica, Optimizer optimizer, int samples) {
        try (NDManager scope = manager.newSubManager()) {
            ByteBuffer zeros = scope.allocateDirect(
                    Math.toIntExact(samples * training.model().sampleFloats() * Float.BYTES));
            NDArray images = InputSlots.overImages(
                    scope,
                    zeros,
                    samples,
                    training.model().imageSize(),
                    training.memoryFormat() == MemoryFormat.CHANNELS_LAST);
            NDArray labels = scope.zeros(new Shape(samples, 1), DataType.INT64);
            NDArray loss = CrossEntropy.mean(replica.forward(images), labels);
            replica.zeroGradients();
            replica.backward(loss, scope.ones(new Shape()));
            optimizer.step();
        }
    }
}

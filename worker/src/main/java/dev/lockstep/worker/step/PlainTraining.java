package dev.lockstep.worker.step;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;
import dev.lockstep.worker.libtorch.LibC;
import dev.lockstep.worker.model.EfficientNet;
import dev.lockstep.worker.optimizer.Optimizer;
import dev.lockstep.worker.precision.Arithmetic;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;

/**
 * The training loop one would write without Lockstep: one replica in memory of its own, with no segment, no other replicas and no
 * phases. It has all that makes a step fast - the same model, kernels, flat gradients and optimizer - so that what lies between its
 * step and Lockstep's is what Lockstep adds. The loss is not scaled.
 */
public final class PlainTraining implements AutoCloseable {
    private final ReplicaDevice device;
    private final ModelSpec spec;
    private final boolean channelsLast;
    private final NDManager manager;
    private final Replica replica;
    private final Optimizer optimizer;

    /** Builds the model under a manager of its own. */
    PlainTraining(ReplicaDevice device, NDManager parent, TrainingSpec training) {
        this.device = device;
        spec = training.model();
        channelsLast = training.memoryFormat() == MemoryFormat.CHANNELS_LAST;
        manager = parent.newSubManager();
        // As rank 0 of a measurement does: the seed decides the weights, then dropout and stochastic depth.
        JniUtils.setSeed(training.seed());
        replica = Replica.inPrivateMemory(manager, spec, Arithmetic.of(training.precision(), DeviceType.CPU, manager));
        JniUtils.setSeed(training.seed());
        optimizer = Optimizer.create(
                training.optimizer(),
                manager,
                replica.parameters().array(),
                replica.gradients().array());
    }

    /** A batch that stays in memory from step to step. */
    public final class Batch {
        private final ByteBuffer images;
        private final ByteBuffer labels;
        private final int samples;
        private boolean first = true;

        private Batch(NDArray images, NDArray labels) {
            this.images = images.toByteBuffer(true);
            this.labels = labels.toByteBuffer(true);
            this.samples = Math.toIntExact(labels.size());
        }

        /**
         * Trains one step on it.
         *
         * @return the loss
         * @throws dev.lockstep.common.failure.LockstepException when there is not memory enough
         */
        public double step() {
            try {
                double loss = run();
                if (first) {
                    first = false;
                    device.endFirstStep();
                }
                return loss;
            } catch (EngineException e) {
                throw device.failure("a step", samples, e);
            }
        }

        private double run() {
            try (NDManager scope = manager.newSubManager()) {
                // What a step makes belongs to the manager of its inputs, so these are new views in each.
                return PlainTraining.this.step(
                        scope,
                        scope.create(images, inputShape(samples), DataType.FLOAT32),
                        scope.create(labels, labelShape(samples), DataType.INT64));
            }
        }
    }

    /** Makes up a batch of standard normal images with uniform labels, as synthetic data is. */
    public Batch syntheticBatch(int samples) {
        SplittableRandom random = new SplittableRandom(samples);
        long[] labels = random.longs(samples, 0, spec.classes()).toArray();
        return new Batch(
                manager.randomNormal(0, 1, inputShape(samples), DataType.FLOAT32),
                manager.create(labels, labelShape(samples)));
    }

    /** A batch of given images, in the order of {@link #inputShape}. */
    Batch batch(float[] images, long[] labels) {
        return new Batch(
                manager.create(images, inputShape(labels.length)), manager.create(labels, labelShape(labels.length)));
    }

    /** Trains one step on black images, whose memory lasts as long as the step. */
    void blackStep(int samples) {
        try (NDManager scope = manager.newSubManager()) {
            step(
                    scope,
                    scope.zeros(inputShape(samples), DataType.FLOAT32),
                    scope.zeros(labelShape(samples), DataType.INT64));
        }
    }

    private double step(NDManager scope, NDArray images, NDArray labels) {
        NDArray loss = CrossEntropy.mean(replica.forward(InputSlots.logical(images, channelsLast)), labels);
        double value = loss.getFloat();
        replica.zeroGradients();
        replica.backward(loss, scope.ones(new Shape()));
        optimizer.step();
        return value;
    }

    private Shape inputShape(int samples) {
        return InputSlots.shape(samples, spec.imageSize(), channelsLast);
    }

    private static Shape labelShape(int samples) {
        return new Shape(samples, 1);
    }

    EfficientNet model() {
        return replica.model();
    }

    /** Lets go of the model and gives its memory back to the system. */
    @Override
    public void close() {
        manager.close();
        LibC.trimHeap();
    }
}

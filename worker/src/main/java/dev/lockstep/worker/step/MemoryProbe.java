package dev.lockstep.worker.step;

import ai.djl.ndarray.NDManager;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.worker.libtorch.ResidentMemory;
import dev.lockstep.worker.model.EfficientNet;
import java.util.OptionalDouble;

/** Finds what a model needs by running small steps of it in private memory. */
final class MemoryProbe {
    /** One alone has nothing to normalise over where the model's last features are a single pixel. */
    private static final int FEW_IMAGES = 2;

    private static final int LEAST_MORE_IMAGES = 4;
    private static final int MOST_MORE_IMAGES = 64;
    private static final double MORE_PIXELS = 4 * 224 * 224;

    private final TrainingSpec training;

    MemoryProbe(TrainingSpec training) {
        this.training = training;
    }

    /** Builds the model under {@code parent}, measures, and lets go of it. */
    ModelFootprint measure(ReplicaDevice device, NDManager parent) {
        ResidentMemory.resetPeak();
        OptionalDouble before = ResidentMemory.currentMiB();
        OptionalDouble few;
        OptionalDouble more;
        EfficientNet model;
        try (PlainTraining plain = new PlainTraining(device, parent, training)) {
            model = plain.model();
            plain.blackStep(FEW_IMAGES);
            few = ResidentMemory.peakMiB();
            ResidentMemory.resetPeak();
            plain.blackStep(moreImages());
            more = ResidentMemory.peakMiB();
        }
        OptionalDouble after = ResidentMemory.currentMiB();
        if (few.isEmpty() || more.isEmpty() || before.isEmpty() || after.isEmpty()) {
            return sizes(model, null, null);
        }
        double perImage = Math.max(0, (more.getAsDouble() - few.getAsDouble()) / (moreImages() - FEW_IMAGES));
        // Code and kernels stay when a model goes, and are there beside the next one.
        double kept = Math.max(0, after.getAsDouble() - before.getAsDouble());
        return sizes(model, few.getAsDouble() - FEW_IMAGES * perImage + kept, perImage);
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

    /** Small images need more of them to be told from the noise; large ones would fill the memory. */
    private int moreImages() {
        double pixels = (double) training.model().imageSize() * training.model().imageSize();
        return (int) Math.max(LEAST_MORE_IMAGES, Math.min(MOST_MORE_IMAGES, Math.ceil(MORE_PIXELS / pixels)));
    }
}

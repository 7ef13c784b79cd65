package dev.lockstep.coordinator.data;

import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.SplittableRandom;

/**
 * One made-up batch for all steps: standard normal images and uniform labels. An image's values depend on the seed and its place
 * in the batch alone, not on the memory format.
 */
final class SyntheticSource implements BatchSource {
    private final ModelSpec model;
    private final InputLayout layout;
    private final int batch;
    private final long seed;

    SyntheticSource(ModelSpec model, MemoryFormat format, int batch, long seed) {
        this.model = model;
        this.layout = new InputLayout(format, model);
        this.batch = batch;
        this.seed = seed;
    }

    @Override
    public void fill(long step, FloatBuffer inputs, LongBuffer labels) {
        layout.requireRoom(batch, inputs, labels);
        SplittableRandom random = new SplittableRandom(seed);
        SplittableRandom labelRandom = random.split();
        FloatBuffer images = inputs.duplicate();
        float[] image = new float[layout.sampleFloats()];
        for (int sample = 0; sample < batch; sample++) {
            for (int channel = 0; channel < ModelSpec.CHANNELS; channel++) {
                for (int pixel = 0; pixel < layout.pixels(); pixel++) {
                    image[layout.index(channel, pixel)] = (float) random.nextGaussian();
                }
            }
            images.put(image);
            labels.put(labels.position() + sample, labelRandom.nextInt(model.classes()));
        }
    }

    @Override
    public boolean constant() {
        return true;
    }

    @Override
    public void close() {
        // Nothing reads ahead.
    }
}

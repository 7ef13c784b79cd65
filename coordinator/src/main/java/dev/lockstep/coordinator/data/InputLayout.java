package dev.lockstep.coordinator.data;

import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;

/**
 * Where in an input slot each value of an image lies.
 *
 * @param imageSize height and width in pixels
 */
record InputLayout(MemoryFormat format, int imageSize) {
    InputLayout(MemoryFormat format, ModelSpec model) {
        this(format, model.imageSize());
    }

    /** Floats of one image. */
    int sampleFloats() {
        return Math.multiplyExact(ModelSpec.CHANNELS, pixels());
    }

    int pixels() {
        return Math.multiplyExact(imageSize, imageSize);
    }

    /**
     * Index of a value within its image.
     *
     * @param pixel row by row from the top left
     */
    int index(int channel, int pixel) {
        return switch (format) {
            case CHANNELS_LAST -> pixel * ModelSpec.CHANNELS + channel;
            case CONTIGUOUS -> channel * pixels() + pixel;
        };
    }

    /** Refuses buffers that do not have room for just one batch: too little would overflow, more would leave old images in. */
    void requireRoom(int batch, FloatBuffer inputs, LongBuffer labels) {
        if (inputs.remaining() != (long) batch * sampleFloats() || labels.remaining() != batch) {
            throw new IllegalArgumentException("a batch of %d needs room for %d floats and %d labels, not %d and %d"
                    .formatted(batch, (long) batch * sampleFloats(), batch, inputs.remaining(), labels.remaining()));
        }
    }
}

package dev.lockstep.coordinator.verify;

import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.tensor.NamedTensor;
import dev.lockstep.common.tensor.SafetensorsWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** The made-up batches that a verification traces. All are of the same images, as far as they have as many. */
public enum Inputs {
    /** What one device takes in a step. */
    ONE_CHUNK,
    /** {@link #ONE_CHUNK} once for each device, so that every device computes the same as one device alone. */
    A_CHUNK_EACH,
    /** Different images, one fewer than the devices could take, so that the last chunk is shorter than the others. */
    UNEVEN;

    /** Images of a full chunk: enough for batch norm, few enough to be quick. */
    static final int CHUNK = 4;

    /** Height and width of an image, the smallest that leaves the last stages more than one pixel to normalise. */
    public static final int IMAGE_SIZE = 64;

    public static final int CLASSES = 35;

    private static final long SEED = 20_240_601;

    /** Images of the batch on this many devices. */
    public int images(int devices) {
        return switch (this) {
            case ONE_CHUNK -> CHUNK;
            case A_CHUNK_EACH -> CHUNK * devices;
            case UNEVEN -> CHUNK * devices - 1;
        };
    }

    /**
     * Writes the batch: standard normal {@code inputs} and uniform {@code labels}.
     *
     * @throws dev.lockstep.common.failure.LockstepException ENVIRONMENT if it cannot be written
     */
    public void write(Path file, int devices) {
        int images = images(devices);
        int floats = ModelSpec.CHANNELS * IMAGE_SIZE * IMAGE_SIZE;
        float[] inputs = new float[images * floats];
        long[] labels = new long[images];
        for (int image = 0; image < images; image++) {
            int original = this == UNEVEN ? image : image % CHUNK;
            SplittableRandom random = new SplittableRandom(SEED + original);
            labels[image] = random.nextInt(CLASSES);
            for (int index = 0; index < floats; index++) {
                inputs[image * floats + index] = (float) random.nextGaussian();
            }
        }
        SafetensorsWriter.write(
                file,
                List.of(
                        NamedTensor.floats("inputs", inputs, images, ModelSpec.CHANNELS, IMAGE_SIZE, IMAGE_SIZE),
                        NamedTensor.longs("labels", labels, images)),
                Map.of());
    }
}

package dev.lockstep.worker.step;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.work.TrainingSpec;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PlainTrainingTest {
    private static final int BATCH = 4;
    private static final int STEPS = 4;

    /** Or it would not be what Lockstep's step is to be compared with. */
    @Test
    void shouldComputeWhatOneDeviceOfLockstepComputes() throws Exception {
        TrainingSpec training = TinyTraining.noisy(5);
        List<Double> lockstep;
        List<Double> plain;
        try (ReplicaGroup group = new ReplicaGroup(training, 1, BATCH, Duration.ofMinutes(1))) {
            group.fill(0, TinyTraining.images(BATCH), TinyTraining.labels(BATCH));
            lockstep = IntStream.range(0, STEPS)
                    .mapToObj(step -> group.step(List.of(BATCH)).get(0).loss())
                    .toList();
            plain = group.on(0, engine -> losses(engine, training));
        }
        assertEquals(lockstep, plain);
        assertTrue(plain.get(STEPS - 1) < plain.get(0), plain::toString);
    }

    private static List<Double> losses(DjlTrainingEngine engine, TrainingSpec training) {
        try (PlainTraining loop = engine.plain(training)) {
            PlainTraining.Batch batch =
                    loop.batch(channelsLast(TinyTraining.images(BATCH)), TinyTraining.labels(BATCH));
            return IntStream.range(0, STEPS).mapToObj(step -> batch.step()).toList();
        }
    }

    @Test
    void shouldKeepNothingOfAStep() {
        DjlTrainingEngine engine = new DjlTrainingEngine(1, List.of());
        engine.start();
        int before = engine.openHandles();
        try (PlainTraining loop = engine.plain(TinyTraining.noisy(0))) {
            PlainTraining.Batch batch = loop.syntheticBatch(BATCH);
            batch.step();
            int afterOne = engine.openHandles();
            batch.step();
            batch.step();
            assertEquals(afterOne, engine.openHandles());
        }
        assertEquals(before, engine.openHandles());
    }

    private static float[] channelsLast(float[] images) {
        int channels = 3;
        int pixels = TinyTraining.IMAGE_SIZE * TinyTraining.IMAGE_SIZE;
        float[] reordered = new float[images.length];
        for (int i = 0; i < images.length; i++) {
            int sample = i / (channels * pixels);
            int channel = i / pixels % channels;
            reordered[(sample * pixels + i % pixels) * channels + channel] = images[i];
        }
        return reordered;
    }
}

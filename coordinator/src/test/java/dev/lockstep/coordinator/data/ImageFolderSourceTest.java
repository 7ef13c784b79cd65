package dev.lockstep.coordinator.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.DataSpec;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFolderSourceTest {
    private static final ModelSpec MODEL = new ModelSpec("tiny", 10, 8, null, null);
    private static final int IMAGES = 6;

    @TempDir
    private Path folder;

    /** Class c holds the images of reds 40 * 2c and 40 * (2c + 1). */
    @BeforeEach
    void makeImages() throws IOException {
        for (int i = 0; i < IMAGES; i++) {
            ImageFiles.write(folder.resolve("class-" + i / 2 + "/" + i + ".png"), (40 * i) << 16);
        }
    }

    @Test
    void shouldGiveEveryImageOnceAnEpochInAnOrderOfItsOwn() {
        List<Integer> images = images(0, 4 * IMAGES / 2);
        for (int epoch = 0; epoch < 4; epoch++) {
            assertEquals(
                    IMAGES,
                    new HashSet<>(images.subList(epoch * IMAGES, (epoch + 1) * IMAGES)).size(),
                    "epoch " + epoch);
        }
        assertNotEquals(images.subList(0, IMAGES), images.subList(IMAGES, 2 * IMAGES));
    }

    @Test
    void shouldDecideTheOrderByTheSeedAlone() {
        assertEquals(images(7, 20), images(7, 20));
        assertNotEquals(images(7, 20), images(8, 20));
    }

    @Test
    void shouldGiveBatchesLargerThanTheFolder() {
        try (BatchSource source = open(MemoryFormat.CONTIGUOUS, 2 * IMAGES, 0)) {
            LongBuffer labels = LongBuffer.allocate(2 * IMAGES);
            source.fill(0, FloatBuffer.allocate(2 * IMAGES * (int) MODEL.sampleFloats()), labels);
            assertEquals(
                    2 * (0 + 0 + 1 + 1 + 2 + 2), Arrays.stream(labels.array()).sum());
        }
    }

    @Test
    void shouldRefuseASlotOfAnotherSizeAndAStepOutOfTurn() {
        try (BatchSource source = open(MemoryFormat.CONTIGUOUS, 2, 0)) {
            FloatBuffer inputs = FloatBuffer.allocate(2 * (int) MODEL.sampleFloats());
            LongBuffer labels = LongBuffer.allocate(2);
            assertFalse(source.constant());
            assertThrows(IllegalArgumentException.class, () -> source.fill(1, inputs, labels));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> source.fill(0, FloatBuffer.allocate((int) MODEL.sampleFloats()), labels));
        }
    }

    @Test
    void shouldNameABrokenImageWhenItIsOpened() throws IOException {
        Path broken = ImageFiles.truncate(ImageFiles.write(folder.resolve("class-1/broken.jpg"), 0x123456), 10);
        LockstepException refusal = assertThrows(LockstepException.class, () -> open(MemoryFormat.CONTIGUOUS, 2, 0));
        assertEquals(FailureCategory.DATA, refusal.failure().category());
        assertTrue(refusal.getMessage().contains(broken.toString()), refusal.getMessage());
    }

    @Test
    void shouldNameAnImageThatBreaksAfterwards() throws IOException {
        try (BatchSource source = open(MemoryFormat.CONTIGUOUS, 1, 0)) {
            Path lost = folder.resolve("class-2/4.png");
            Files.delete(lost);
            LockstepException failure = assertThrows(LockstepException.class, () -> {
                for (int step = 0; step < 3 * IMAGES; step++) {
                    image(source, step);
                }
            });
            assertEquals(FailureCategory.DATA, failure.failure().category());
            assertTrue(failure.getMessage().contains(lost.toString()), failure.getMessage());
        }
    }

    @Test
    void shouldEndAFillThatIsWaitingWhenItIsClosed() {
        BatchSource source = open(MemoryFormat.CONTIGUOUS, 1, 0);
        source.close();
        LockstepException failure = assertThrows(LockstepException.class, () -> image(source, 0));
        assertEquals(FailureCategory.ABORTED, failure.failure().category());
    }

    /** The images that the steps give, one by one, by the number in their file's name. */
    private List<Integer> images(long seed, int steps) {
        List<Integer> images = new ArrayList<>();
        try (BatchSource source = open(MemoryFormat.CHANNELS_LAST, 2, seed)) {
            int sampleFloats = (int) MODEL.sampleFloats();
            for (int step = 0; step < steps; step++) {
                FloatBuffer inputs = FloatBuffer.allocate(2 * sampleFloats);
                LongBuffer labels = LongBuffer.allocate(2);
                source.fill(step, inputs, labels);
                for (int sample = 0; sample < 2; sample++) {
                    int image = number(inputs.get(sample * sampleFloats));
                    assertEquals(image / 2, labels.get(sample));
                    images.add(image);
                }
            }
        }
        return images;
    }

    private static void image(BatchSource source, int step) {
        source.fill(step, FloatBuffer.allocate((int) MODEL.sampleFloats()), LongBuffer.allocate(1));
    }

    private static int number(float normalisedRed) {
        return (int) Math.round((normalisedRed * 0.229 + 0.485) * 255 / 40);
    }

    private BatchSource open(MemoryFormat format, int batch, long seed) {
        return BatchSource.open(new DataSpec.ImageFolder(folder), MODEL, format, batch, seed);
    }
}

package dev.lockstep.worker.step;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.memory.SegmentLayout;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.worker.libtorch.LibTorch;
import dev.lockstep.worker.step.InputSlots.Range;
import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource
class SharedInputsTest {
    private static final int BATCH = 6;
    private static final int SIZE = 2;
    private static final int SAMPLE_FLOATS = 3 * SIZE * SIZE;

    @Parameter
    private MemoryFormat format;

    private NDManager manager;
    private Segment segment;
    private SharedInputs inputs;

    @BeforeEach
    void open() throws IOException {
        manager = LibTorch.load().newBaseManager();
        segment = Segment.create(new SegmentLayout(2, BATCH, SAMPLE_FLOATS, 5, 16, 0), "test", 1);
        inputs = new SharedInputs(manager, segment, SIZE, format == MemoryFormat.CHANNELS_LAST);
    }

    @AfterEach
    void close() throws IOException {
        manager.close();
        segment.close();
    }

    @Test
    void shouldReadWhatASlotHoldsNow() throws IOException {
        for (int step = 0; step < 4; step++) {
            int slot = step % 2;
            fill(slot, 1000 * step);

            check(slot, 0, 3, 1000 * step);
            check(slot, 3, 3, 1000 * step);
            check(slot, 2, 3, 1000 * step);
            check(slot, 2, 1, 1000 * step);
        }
    }

    @Test
    void shouldGiveWhatIsComputedFromThemToTheBorrower() throws IOException {
        fill(0, 0);
        Range range = new Range(0, 0, BATCH);
        for (int step = 0; step < 3; step++) {
            PtNDArray computed;
            try (NDManager scope = manager.newSubManager()) {
                NDArray images = inputs.images(scope, range);
                computed = (PtNDArray) images.add(1);
                assertFalse(computed.isReleased());
            }
            assertTrue(computed.isReleased());
        }
    }

    /** Sample n's values count from 100 n, its class is n; both above a number. */
    private void fill(int slot, int above) throws IOException {
        float[] images = new float[BATCH * SAMPLE_FLOATS];
        for (int i = 0; i < images.length; i++) {
            images[i] = above + image(i / SAMPLE_FLOATS)[i % SAMPLE_FLOATS];
        }
        long[] labels = new long[BATCH];
        Arrays.setAll(labels, sample -> above + sample);
        ReplicaGroup.fill(segment, format, slot, images, labels);
    }

    private static float[] image(int sample) {
        float[] values = new float[SAMPLE_FLOATS];
        for (int i = 0; i < values.length; i++) {
            values[i] = 100 * sample + i;
        }
        return values;
    }

    private void check(int slot, int first, int samples, int above) {
        float[] images = new float[samples * SAMPLE_FLOATS];
        for (int i = 0; i < images.length; i++) {
            images[i] = above + image(first + i / SAMPLE_FLOATS)[i % SAMPLE_FLOATS];
        }
        long[] labels = new long[samples];
        Arrays.setAll(labels, sample -> above + first + sample);
        Range range = new Range(slot, first, samples);
        try (NDManager scope = manager.newSubManager()) {
            assertArrayEquals(images, inputs.images(scope, range).toFloatArray());
            assertArrayEquals(labels, inputs.labels(scope, range).toLongArray());
        }
    }
}

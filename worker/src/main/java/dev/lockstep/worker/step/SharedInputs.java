package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.common.memory.Segment;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;

/** Inputs where they lie: arrays over the segment's memory. */
final class SharedInputs implements InputSlots {
    private final Segment segment;
    private final int imageSize;
    private final boolean channelsLast;
    private final Map<Range, ByteBuffer> images = new HashMap<>();
    private final Map<Range, ByteBuffer> labels = new HashMap<>();

    SharedInputs(Segment segment, int imageSize, boolean channelsLast) {
        this.segment = segment;
        this.imageSize = imageSize;
        this.channelsLast = channelsLast;
    }

    @Override
    public NDArray images(NDManager manager, Range range) {
        ByteBuffer bytes = imageBytes(range);
        NDArray inMemoryOrder =
                manager.create(bytes, InputSlots.shape(range.samples(), imageSize, channelsLast), DataType.FLOAT32);
        return InputSlots.logical(inMemoryOrder, channelsLast);
    }

    @Override
    public NDArray labels(NDManager manager, Range range) {
        return manager.create(labelBytes(range), new Shape(range.samples(), 1), DataType.INT64);
    }

    /** The images' memory; the same buffer each time. */
    ByteBuffer imageBytes(Range range) {
        return images.computeIfAbsent(range, this::mapImages);
    }

    /** The labels' memory; the same buffer each time. */
    ByteBuffer labelBytes(Range range) {
        return labels.computeIfAbsent(range, this::mapLabels);
    }

    private ByteBuffer mapImages(Range range) {
        try {
            return segment.inputs(range.slot(), range.firstSample(), range.samples());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private ByteBuffer mapLabels(Range range) {
        try {
            return segment.labels(range.slot(), range.firstSample(), range.samples());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

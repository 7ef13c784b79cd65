package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.plan.ModelSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;

/** The segment's input slots as arrays over its memory. */
final class InputSlots {
    private final Segment segment;
    private final int imageSize;
    private final boolean channelsLast;
    private final Map<Range, ByteBuffer> images = new HashMap<>();
    private final Map<Range, ByteBuffer> labels = new HashMap<>();

    /** Samples of a slot. A measurement's steps use few different ones, so their mappings are kept. */
    record Range(int slot, int firstSample, int samples) {}

    InputSlots(Segment segment, int imageSize, boolean channelsLast) {
        this.segment = segment;
        this.imageSize = imageSize;
        this.channelsLast = channelsLast;
    }

    /** Images [samples, 3, H, W]; in memory NHWC when the measurement is channels-last. */
    NDArray images(NDManager manager, Range range) {
        ByteBuffer bytes = images.computeIfAbsent(range, this::mapImages);
        NDArray inMemoryOrder =
                manager.create(bytes, shape(range.samples(), imageSize, channelsLast), DataType.FLOAT32);
        return logical(inMemoryOrder, channelsLast);
    }

    /** Labels: int64 [samples, 1]. */
    NDArray labels(NDManager manager, Range range) {
        ByteBuffer bytes = labels.computeIfAbsent(range, this::mapLabels);
        return manager.create(bytes, new Shape(range.samples(), 1), DataType.INT64);
    }

    /** The shape of images in memory: [samples, H, W, 3] when channels-last, else [samples, 3, H, W]. */
    static Shape shape(int samples, int imageSize, boolean channelsLast) {
        return channelsLast
                ? new Shape(samples, imageSize, imageSize, ModelSpec.CHANNELS)
                : new Shape(samples, ModelSpec.CHANNELS, imageSize, imageSize);
    }

    /** The same images as [samples, 3, H, W]: for libtorch, NHWC memory with its axes in that order is its channels_last. */
    static NDArray logical(NDArray images, boolean channelsLast) {
        return channelsLast ? JniUtils.permute((PtNDArray) images, new long[] {0, 3, 1, 2}) : images;
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

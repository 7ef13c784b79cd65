package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.common.memory.Segment;
import java.util.HashMap;
import java.util.Map;

/**
 * Inputs where they lie: arrays over the segment's memory. Each is made once and lent to every step that asks for it, because to make
 * one takes longer than much of a small step.
 */
final class SharedInputs implements InputSlots {
    private final NDManager owner;
    private final MappedInputs memory;
    private final int imageSize;
    private final boolean channelsLast;
    private final Map<Range, NDArray> images = new HashMap<>();
    private final Map<Range, NDArray> labels = new HashMap<>();

    /** @param owner of the arrays; closed before the segment */
    SharedInputs(NDManager owner, Segment segment, int imageSize, boolean channelsLast) {
        this.owner = owner;
        this.memory = new MappedInputs(segment);
        this.imageSize = imageSize;
        this.channelsLast = channelsLast;
    }

    @Override
    public NDArray images(NDManager manager, Range range) {
        return lend(manager, images.computeIfAbsent(range, this::createImages));
    }

    @Override
    public NDArray labels(NDManager manager, Range range) {
        return lend(manager, labels.computeIfAbsent(range, this::createLabels));
    }

    /** What is computed from an array belongs to its manager, so to the borrower's, which gives the array back when it is closed. */
    private static NDArray lend(NDManager borrower, NDArray array) {
        array.tempAttach(borrower);
        return array;
    }

    private NDArray createImages(Range range) {
        NDArray inMemoryOrder = owner.create(
                memory.images(range), InputSlots.shape(range.samples(), imageSize, channelsLast), DataType.FLOAT32);
        return InputSlots.logical(inMemoryOrder, channelsLast);
    }

    private NDArray createLabels(Range range) {
        return owner.create(memory.labels(range), new Shape(range.samples(), 1), DataType.INT64);
    }
}

package dev.lockstep.worker.step;

import dev.lockstep.common.memory.Segment;
import dev.lockstep.worker.step.InputSlots.Range;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;

/** The memory of the segment's inputs, which stays until the segment is closed. */
record MappedInputs(Segment segment) {
    /** Float32, in the order that the measurement has images in. */
    ByteBuffer images(Range range) {
        try {
            return segment.inputs(range.slot(), range.firstSample(), range.samples());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Int64. */
    ByteBuffer labels(Range range) {
        try {
            return segment.labels(range.slot(), range.firstSample(), range.samples());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

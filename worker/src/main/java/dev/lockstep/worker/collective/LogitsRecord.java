package dev.lockstep.worker.collective;

import ai.djl.ndarray.NDArray;
import dev.lockstep.common.memory.Segment;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The segment's logits, where a trace finds those of a step. Replicas with memory of their own do not need them there, so that they
 * are copied only when steps are traced: the copy waits for the device.
 */
public final class LogitsRecord {
    /** Null when nothing is traced. */
    private final ByteBuffer logits;

    private final int classes;

    private LogitsRecord(ByteBuffer logits, int classes) {
        this.logits = logits;
        this.classes = classes;
    }

    /**
     * The record of a measurement.
     *
     * @param traced whether it is wanted
     * @throws IOException if the segment cannot be mapped
     */
    public static LogitsRecord of(Segment segment, boolean traced) throws IOException {
        int classes = segment.layout().classes();
        return new LogitsRecord(traced ? segment.logits(0, segment.layout().batch()) : null, classes);
    }

    /** Puts a chunk's logits, float32 [chunk, classes], in their place in the batch. */
    void put(int firstSample, NDArray chunkLogits) {
        if (logits != null) {
            ByteBuffer values = chunkLogits.toByteBuffer(true).order(ByteOrder.nativeOrder());
            logits.put(firstSample * classes * Float.BYTES, values, 0, values.capacity());
        }
    }
}

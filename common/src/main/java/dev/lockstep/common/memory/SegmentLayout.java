package dev.lockstep.common.memory;

import java.util.Objects;

/**
 * Where everything lies in a {@link Segment}. Offsets are in bytes from the file's start; every section starts on a page.
 *
 * <pre>
 * header            magic, layout hash, run hash, epoch; on cache lines of their own the abort word and the loss scale
 * control           one line per rank: its progress word, its overflow word, its share of the loss; beside it its bell
 * inputs            SLOTS x batch x sampleFloats float32
 * labels            SLOTS x batch int64
 * logits            batch x classes float32
 * logit gradients   batch x classes float32
 * parameters        flatParameters float32
 * buffers           flatBuffers float32
 * gradients         ranks x flatParameters float32
 * </pre>
 *
 * @param batch the most samples of a step
 * @param sampleFloats floats of one input image
 * @param flatParameters floats of the flat parameter buffer, padding included
 * @param flatBuffers floats of the flat buffer of running statistics, padding included
 */
public record SegmentLayout(
        int ranks, int batch, long sampleFloats, int classes, long flatParameters, long flatBuffers) {
    /** Input slots: the coordinator fills one while the replicas read the other. */
    public static final int SLOTS = 2;

    static final long MAGIC_OFFSET = 0;
    static final long HASH_OFFSET = 8;
    static final long RUN_OFFSET = 16;
    static final long EPOCH_OFFSET = 24;
    static final long ABORT_OFFSET = 256;
    static final long SCALE_OFFSET = 512;
    static final long GROWTH_TRACKER_OFFSET = 520;
    static final long SKIPPED_STEPS_OFFSET = 528;
    /** Within a bell: whom the rank waits for, and how far they must have come. */
    static final int BELL_FIRST = 4;

    static final int BELL_END = 8;
    static final int BELL_PROGRESS = 16;
    static final int HEADER_BYTES = 4096;
    /** Two 64-byte lines: adjacent lines are prefetched in pairs. */
    static final int CONTROL_LINE_BYTES = 128;

    /** The bell has a line of its own: others look at it often, and at progress words too. */
    private static final int BELL_OFFSET = 64;

    private static final long PAGE = 4096;
    private static final long FLOAT = Float.BYTES;

    public SegmentLayout {
        if (ranks < 1 || batch < 1 || sampleFloats < 1 || classes < 1 || flatParameters < 0 || flatBuffers < 0) {
            throw new IllegalArgumentException("a segment needs at least one rank, sample and class");
        }
    }

    int controlOffset(int rank) {
        return HEADER_BYTES + Objects.checkIndex(rank, ranks) * CONTROL_LINE_BYTES;
    }

    int overflowOffset(int rank) {
        return controlOffset(rank) + Long.BYTES;
    }

    int lossShareOffset(int rank) {
        return controlOffset(rank) + 2 * Long.BYTES;
    }

    int bellOffset(int rank) {
        return controlOffset(rank) + BELL_OFFSET;
    }

    long inputOffset(int slot, int sample) {
        long inSlot = (long) Objects.checkIndex(slot, SLOTS) * batch + sample;
        return controlEnd() + inSlot * sampleFloats * FLOAT;
    }

    long labelOffset(int slot, int sample) {
        long inSlot = (long) Objects.checkIndex(slot, SLOTS) * batch + sample;
        return inputEnd() + inSlot * Long.BYTES;
    }

    long logitOffset(int sample) {
        return labelEnd() + (long) sample * classes * FLOAT;
    }

    long logitGradientOffset(int sample) {
        return logitEnd() + (long) sample * classes * FLOAT;
    }

    long parameterOffset() {
        return logitGradientEnd();
    }

    long bufferOffset() {
        return parameterEnd();
    }

    long gradientOffset(int rank) {
        return bufferEnd() + Objects.checkIndex(rank, ranks) * pages(flatParameters * FLOAT);
    }

    /** Bytes of the whole file: whole huge pages, so that its last bytes can lie in one, too. */
    public long size() {
        return roundUp(bufferEnd() + ranks * pages(flatParameters * FLOAT), HugePages.BYTES);
    }

    /** Tells two layouts apart; written into the header and compared when a segment is opened. */
    long hash() {
        long hash = 1;
        for (long field : new long[] {ranks, batch, sampleFloats, classes, flatParameters, flatBuffers, size()}) {
            hash = 31 * hash + field;
        }
        return hash;
    }

    private long controlEnd() {
        return pages(HEADER_BYTES + (long) ranks * CONTROL_LINE_BYTES);
    }

    private long inputEnd() {
        return controlEnd() + pages((long) SLOTS * batch * sampleFloats * FLOAT);
    }

    private long labelEnd() {
        return inputEnd() + pages((long) SLOTS * batch * Long.BYTES);
    }

    private long logitEnd() {
        return labelEnd() + pages((long) batch * classes * FLOAT);
    }

    private long logitGradientEnd() {
        return logitEnd() + pages((long) batch * classes * FLOAT);
    }

    private long parameterEnd() {
        return logitGradientEnd() + pages(flatParameters * FLOAT);
    }

    private long bufferEnd() {
        return parameterEnd() + pages(flatBuffers * FLOAT);
    }

    private static long pages(long bytes) {
        return roundUp(bytes, PAGE);
    }

    private static long roundUp(long bytes, long unit) {
        return (bytes + unit - 1) / unit * unit;
    }
}

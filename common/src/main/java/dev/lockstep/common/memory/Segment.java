package dev.lockstep.common.memory;

import dev.lockstep.common.memory.Bells.Awaited;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.stream.IntStream;

/**
 * One process's view of a measurement's shared memory. All buffers are direct and in the machine's byte order. Each call makes one anew:
 * ask once and keep it.
 *
 * <p>{@link #close} unmaps every buffer handed out: close whatever was built over them first, or the process crashes.
 *
 * <p>Not thread-safe, but for the control words, which are there for other threads and processes to see.
 */
public final class Segment implements AutoCloseable {
    private static final long MAGIC = 0x3150_4554_534b_434cL; // "LCKSTEP1"
    private static final VarHandle WORD = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());

    private final SegmentLayout layout;
    private final Path path;
    private final MappedFile file;
    private final SharedFile owned;
    private final ByteBuffer control;
    private final Bells bells;

    private Segment(SegmentLayout layout, Path path, SharedFile owned) throws IOException {
        this.layout = layout;
        this.path = path;
        this.owned = owned;
        this.file = MappedFile.of(path, layout.size());
        this.control = part(0, SegmentLayout.HEADER_BYTES + layout.ranks() * SegmentLayout.CONTROL_LINE_BYTES);
        this.bells = new Bells(control, layout);
    }

    /**
     * Makes the segment of a measurement. It lives as long as a process has it mapped.
     *
     * @throws IOException if there is no memory for it
     */
    public static Segment create(SegmentLayout layout, String runId, long epoch) throws IOException {
        SharedFile file = SharedFile.create("lockstep-" + runId + "-" + epoch, layout.size());
        Segment segment = new Segment(layout, file.path(), file);
        segment.control.putLong((int) SegmentLayout.HASH_OFFSET, layout.hash());
        segment.control.putLong((int) SegmentLayout.RUN_OFFSET, runId.hashCode());
        segment.control.putLong((int) SegmentLayout.EPOCH_OFFSET, epoch);
        WORD.setRelease(segment.control, (int) SegmentLayout.MAGIC_OFFSET, MAGIC);
        return segment;
    }

    /**
     * Opens the segment that another process made.
     *
     * @throws IOException if it is not there, is not a segment, or is another measurement's
     */
    public static Segment open(Path path, SegmentLayout layout, String runId, long epoch) throws IOException {
        Segment segment = new Segment(layout, path, null);
        ByteBuffer control = segment.control;
        boolean matches = (long) WORD.getAcquire(control, (int) SegmentLayout.MAGIC_OFFSET) == MAGIC
                && control.getLong((int) SegmentLayout.HASH_OFFSET) == layout.hash()
                && control.getLong((int) SegmentLayout.RUN_OFFSET) == runId.hashCode()
                && control.getLong((int) SegmentLayout.EPOCH_OFFSET) == epoch;
        if (!matches) {
            segment.close();
            throw new IOException(path + " is not the segment of measurement " + epoch + " of run " + runId);
        }
        return segment;
    }

    /** Where other processes open it. */
    public Path path() {
        return path;
    }

    public SegmentLayout layout() {
        return layout;
    }

    /** Input images of a slot: float32 [samples, C, H, W], or [samples, H, W, C] when the measurement is channels-last. */
    public ByteBuffer inputs(int slot, int firstSample, int samples) throws IOException {
        return part(layout.inputOffset(slot, firstSample), samples * layout.sampleFloats() * Float.BYTES);
    }

    /** Class numbers of a slot: int64 [samples]. */
    public ByteBuffer labels(int slot, int firstSample, int samples) throws IOException {
        return part(layout.labelOffset(slot, firstSample), (long) samples * Long.BYTES);
    }

    /** Gathered logits: float32 [samples, classes]. */
    public ByteBuffer logits(int firstSample, int samples) throws IOException {
        return part(layout.logitOffset(firstSample), (long) samples * layout.classes() * Float.BYTES);
    }

    /** Gradient of the loss by the logits: float32 [samples, classes]. */
    public ByteBuffer logitGradients(int firstSample, int samples) throws IOException {
        return part(layout.logitGradientOffset(firstSample), (long) samples * layout.classes() * Float.BYTES);
    }

    /** Replica 0's flat parameters: float32 [flatParameters]. */
    public ByteBuffer parameters() throws IOException {
        return part(layout.parameterOffset(), layout.flatParameters() * Float.BYTES);
    }

    /** Replica 0's flat running statistics, as it last published them: float32 [flatBuffers]. */
    public ByteBuffer buffers() throws IOException {
        return part(layout.bufferOffset(), layout.flatBuffers() * Float.BYTES);
    }

    /** A rank's flat gradients: float32 [flatParameters]. */
    public ByteBuffer gradients(int rank) throws IOException {
        return part(layout.gradientOffset(rank), layout.flatParameters() * Float.BYTES);
    }

    /**
     * Publishes how far a rank has come (a volatile store): all it wrote before is visible to who sees the number. Wakes the ranks whose
     * wait it ends.
     */
    public void publishProgress(int rank, long progress) {
        WORD.setVolatile(control, layout.controlOffset(rank), progress);
        for (int other = 0; other < layout.ranks(); other++) {
            Awaited awaited = other == rank ? null : bells.awaited(other);
            if (awaited != null && reached(other, awaited)) {
                bells.ring(other);
            }
        }
    }

    /** How far a rank has come (a volatile load); starts at 0 and only grows. */
    public long progress(int rank) {
        return (long) WORD.getVolatile(control, layout.controlOffset(rank));
    }

    /** Whether the ranks from {@code first} to {@code end - 1}, but for {@code rank}, have come to a progress. */
    public boolean reached(int rank, int first, int end, long progress) {
        for (int other = first; other < end; other++) {
            if (other != rank && progress(other) < progress) {
                return false;
            }
        }
        return true;
    }

    /**
     * Lets a rank sleep until {@link #reached} holds or the measurement is aborted. It may return early: look again.
     *
     * @param rank of the caller
     */
    public void sleepUntilReached(int rank, int first, int end, long progress) {
        bells.set(rank, new Awaited(first, end, progress));
        if (!reached(rank, first, end, progress) && !aborted()) {
            bells.sleep(rank);
        }
        bells.silence(rank);
    }

    /** Whether a rank sleeps in {@link #sleepUntilReached}, or is about to. */
    boolean sleeps(int rank) {
        return bells.awaited(rank) != null;
    }

    private boolean reached(int rank, Awaited awaited) {
        return reached(rank, awaited.first(), awaited.end(), awaited.progress());
    }

    /**
     * Tells whether the gradients that this rank answers for hold inf or nan in the current step (a release store). A rank calls it
     * before it publishes the progress that the others wait for before they read it, in every step it takes part in: the word
     * keeps its value until then.
     */
    public void publishOverflow(int rank, boolean found) {
        WORD.setRelease(control, layout.overflowOffset(rank), found ? 1L : 0L);
    }

    /** Whether any of the ranks 0 to {@code ranks - 1} found inf or nan (acquire loads). Call it after their progress was seen. */
    public boolean overflow(int ranks) {
        for (int rank = 0; rank < ranks; rank++) {
            if ((long) WORD.getAcquire(control, layout.overflowOffset(rank)) != 0) {
                return true;
            }
        }
        return false;
    }

    /**
     * Publishes the loss scale of the next step. Only replica 0 calls it, after its decision and before it publishes the progress
     * that the next step begins with.
     */
    public void publishLossScale(LossScale scale) {
        WORD.setRelease(control, (int) SegmentLayout.GROWTH_TRACKER_OFFSET, (long) scale.growthTracker());
        WORD.setRelease(control, (int) SegmentLayout.SKIPPED_STEPS_OFFSET, (long) scale.skippedSteps());
        WORD.setRelease(control, (int) SegmentLayout.SCALE_OFFSET, Double.doubleToRawLongBits(scale.scale()));
    }

    /**
     * The loss scale as replica 0 last published it; the same on every rank between the progress that a step begins with and the
     * one that its gradients end with. A measurement that needs none never publishes one, and must not ask.
     */
    public LossScale lossScale() {
        double scale = Double.longBitsToDouble((long) WORD.getAcquire(control, (int) SegmentLayout.SCALE_OFFSET));
        return new LossScale(
                scale,
                Math.toIntExact((long) WORD.getAcquire(control, (int) SegmentLayout.GROWTH_TRACKER_OFFSET)),
                Math.toIntExact((long) WORD.getAcquire(control, (int) SegmentLayout.SKIPPED_STEPS_OFFSET)));
    }

    /**
     * Leaves what a rank's chunk adds to the batch's loss (a plain store): others see it once they have seen progress that the rank
     * publishes afterwards.
     */
    public void putLossShare(int rank, double share) {
        control.putDouble(layout.lossShareOffset(rank), share);
    }

    /** What a rank's chunk added to the batch's loss, as it last said. */
    public double lossShare(int rank) {
        return control.getDouble(layout.lossShareOffset(rank));
    }

    /** The batch's loss: what the ranks 0 to {@code ranks - 1} added to it. Call it after their progress was seen. */
    public double loss(int ranks) {
        return IntStream.range(0, ranks).mapToDouble(this::lossShare).sum();
    }

    /** Ends every wait in every process. There is no way back. */
    public void abort() {
        WORD.setVolatile(control, (int) SegmentLayout.ABORT_OFFSET, 1L);
        for (int rank = 0; rank < layout.ranks(); rank++) {
            bells.ring(rank);
        }
    }

    /** Whether anyone has called {@link #abort}. */
    public boolean aborted() {
        return (long) WORD.getVolatile(control, (int) SegmentLayout.ABORT_OFFSET) != 0;
    }

    private ByteBuffer part(long offset, long bytes) throws IOException {
        return file.part(offset, bytes).order(ByteOrder.nativeOrder());
    }

    @Override
    public void close() throws IOException {
        file.close();
        if (owned != null) {
            owned.close();
        }
    }
}

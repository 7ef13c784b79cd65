package dev.lockstep.coordinator.control;

import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.memory.SegmentLayout;
import dev.lockstep.common.threads.DaemonThreads;
import dev.lockstep.coordinator.data.BatchSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Puts batches into the segment's input slots, on a thread of its own. */
final class BatchFeeder implements AutoCloseable {
    /** When all steps have the same batch. So many of the shortest steps outlast the way of an answer and the next commands. */
    private static final int STEPS_IN_FLIGHT = 64;

    private final BatchSource source;
    private final List<ByteBuffer> inputs = new ArrayList<>();
    private final List<ByteBuffer> labels = new ArrayList<>();
    private final ExecutorService executor = Executors.newSingleThreadExecutor(DaemonThreads.named("batch-feeder"));
    private CompletionStage<Integer> lastFill;

    /**
     * Creates the feeder.
     *
     * @param source of batches of {@code batch} samples; the feeder closes it
     */
    BatchFeeder(BatchSource source, Segment segment, int batch) throws IOException {
        this.source = source;
        for (int slot = 0; slot < SegmentLayout.SLOTS; slot++) {
            inputs.add(segment.inputs(slot, 0, batch));
            labels.add(segment.labels(slot, 0, batch));
        }
    }

    /** The slot of a step's batch. */
    static int slot(int step) {
        return step % SegmentLayout.SLOTS;
    }

    /** Whether a step may have to wait for its batch. */
    boolean canKeepStepsWaiting() {
        return !source.constant();
    }

    /** How many steps may be under way at once: one for each slot, or more if no slot has to be filled anew. */
    int stepsInFlight() {
        return source.constant() ? STEPS_IN_FLIGHT : SegmentLayout.SLOTS;
    }

    /** Fills the slot of a step, which must be free; done when the batch is in it. Called for one step after the other. */
    CompletionStage<Integer> fill(int step) {
        if (source.constant() && step >= SegmentLayout.SLOTS) {
            return lastFill.thenApply(filled -> step);
        }
        lastFill = fillSlot(step);
        return lastFill;
    }

    private CompletionStage<Integer> fillSlot(int step) {
        return CompletableFuture.supplyAsync(
                () -> {
                    int slot = slot(step);
                    source.fill(
                            step,
                            inputs.get(slot)
                                    .duplicate()
                                    .order(ByteOrder.nativeOrder())
                                    .asFloatBuffer(),
                            labels.get(slot)
                                    .duplicate()
                                    .order(ByteOrder.nativeOrder())
                                    .asLongBuffer());
                    return step;
                },
                executor);
    }

    /** Waits for a fill under way: the memory it writes to is unmapped next. */
    @Override
    public void close() {
        executor.shutdown();
        source.close();
        try {
            if (!executor.awaitTermination(1, TimeUnit.MINUTES)) {
                throw new IllegalStateException("the batch feeder did not end");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while a batch was being filled", e);
        }
    }
}

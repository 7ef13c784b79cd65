package dev.lockstep.worker.collective;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.Segment;
import java.time.Duration;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Waiting for other ranks' progress words. It sleeps until it is woken, because another may need the core. */
final class Rendezvous {
    private final Segment segment;
    private final int rank;
    private final Duration patience;
    private long waitNanos;

    Rendezvous(Segment segment, int rank, Duration patience) {
        this.segment = segment;
        this.rank = rank;
        this.patience = patience;
    }

    /** Tells the others that this rank has reached a stage. */
    void publish(Stage stage, long step) {
        segment.publishProgress(rank, stage.progress(step));
    }

    /**
     * Returns when the ranks from {@code first} to {@code end - 1}, but for this one, have reached a stage.
     *
     * @throws LockstepException when the measurement is aborted, or the patience ends
     */
    void await(int first, int end, Stage stage, long step) {
        long wanted = stage.progress(step);
        if (segment.reached(rank, first, end, wanted)) {
            return;
        }
        long start = System.nanoTime();
        try {
            while (!segment.reached(rank, first, end, wanted)) {
                checkAborted(stage, step);
                if (System.nanoTime() - start > patience.toNanos()) {
                    throw late(first, end, stage, step);
                }
                segment.sleepUntilReached(rank, first, end, wanted);
            }
        } finally {
            waitNanos += System.nanoTime() - start;
        }
    }

    long takeWaitNanos() {
        long taken = waitNanos;
        waitNanos = 0;
        return taken;
    }

    private void checkAborted(Stage stage, long step) {
        if (segment.aborted() || Thread.currentThread().isInterrupted()) {
            throw new LockstepException(
                    FailureCategory.ABORTED,
                    "replica " + rank + " stopped in step " + step + " before " + spelled(stage)
                            + ": the measurement was aborted");
        }
    }

    private LockstepException late(int first, int end, Stage stage, long step) {
        String missing = IntStream.range(first, end)
                .filter(other -> other != rank && segment.progress(other) < stage.progress(step))
                .mapToObj(Integer::toString)
                .collect(Collectors.joining(", "));
        return new LockstepException(
                FailureCategory.TIMEOUT,
                "replica " + rank + " waited " + patience.toSeconds() + " s for " + spelled(stage) + " of step " + step
                        + ", which did not come from replica " + missing + ": its worker's log may say why");
    }

    private static String spelled(Stage stage) {
        return stage.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}

package dev.lockstep.worker.step;

import dev.lockstep.worker.libtorch.GraphRecorder;

/** Replays by doing the work again: a machine without a GPU has nothing to record. As with a GPU, recording alone computes nothing. */
final class RepeatingRecorder implements GraphRecorder {
    private int open;
    private int replays;

    @Override
    public Graph record(Runnable work, Graph earlier) {
        open++;
        return new Graph() {
            private boolean closed;

            @Override
            public void replay() {
                if (closed) {
                    throw new IllegalStateException("the recording is closed");
                }
                replays++;
                work.run();
            }

            @Override
            public void close() {
                closed = true;
                open--;
            }
        };
    }

    /** Recordings that were made and not closed. */
    int open() {
        return open;
    }

    int replays() {
        return replays;
    }
}

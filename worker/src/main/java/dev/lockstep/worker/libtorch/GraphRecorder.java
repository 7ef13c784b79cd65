package dev.lockstep.worker.libtorch;

/** Has a GPU run a long series of kernels as one launch: what {@code torch.cuda.CUDAGraph} does. */
public interface GraphRecorder {
    /**
     * Records what libtorch would launch, without running it. Only the GPU's work is recorded: whatever the host decides, it decides
     * now, once. All kernels must have run before, since finding the best one, or loading it, cannot be recorded.
     *
     * @param work what the calling thread has libtorch do; it may not wait for the GPU
     * @param earlier what runs before this in every replay, whose memory may be used again; null for nothing
     */
    Graph record(Runnable work, Graph earlier);

    /** Recorded work, over the memory it was recorded with. */
    interface Graph extends AutoCloseable {
        /** Puts the work into the GPU's default stream. */
        void replay();

        /** Lets the memory go. The GPU must be done with it. */
        @Override
        void close();
    }
}

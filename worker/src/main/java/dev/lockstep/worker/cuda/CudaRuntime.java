package dev.lockstep.worker.cuda;

import dev.lockstep.common.work.ComputeCapability;

/**
 * The CUDA runtime's C API as far as Lockstep calls it: that of the cudart which libtorch itself uses. Addresses are those of host or
 * device memory; streams and events are their handles, stream 0 is the one that DJL computes on. Every method ends in a
 * {@link dev.lockstep.common.failure.LockstepException} with the runtime's own name and text of the error.
 */
public interface CudaRuntime {
    /** The stream that libtorch computes on unless told otherwise: the legacy default stream. */
    long DEFAULT_STREAM = 0;

    /** Which way a copy goes; the numbers are the runtime's. */
    enum Direction {
        HOST_TO_DEVICE(1),
        DEVICE_TO_HOST(2),
        DEVICE_TO_DEVICE(3);

        private final int number;

        Direction(int number) {
            this.number = number;
        }

        /** {@code cudaMemcpyKind}. */
        public int number() {
            return number;
        }
    }

    /** Device memory in bytes, of all processes. */
    record DeviceMemory(long freeBytes, long totalBytes) {}

    /** Locks host memory in place, so that copies to and from it run at full speed and beside the host. */
    void hostRegister(long address, long bytes);

    /** Undoes {@link #hostRegister}. */
    void hostUnregister(long address);

    /** Starts a copy in a stream's order. Host memory that is not registered makes it a synchronous one. */
    void copyAsync(long to, long from, long bytes, Direction direction, long stream);

    /** Returns when all work of a stream is done; errors of that work come to light here. */
    void synchronize(long stream);

    /** A new event with timing. */
    long createEvent();

    /** Puts an event into a stream. */
    void recordEvent(long event, long stream);

    /** Whether a recorded event has been reached. */
    boolean isReached(long event);

    /** Time between two events that were reached, in milliseconds. */
    float elapsedMillis(long start, long end);

    void destroyEvent(long event);

    /** What is free and what there is on the current device. */
    DeviceMemory memory();

    /** GPUs that this process sees. */
    int deviceCount();

    /** What the first GPU can do. */
    ComputeCapability computeCapability();

    /** The runtime's version: 1000 times the major number and 10 times the minor one. */
    int version();
}

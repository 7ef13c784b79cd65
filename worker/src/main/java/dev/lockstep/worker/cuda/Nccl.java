package dev.lockstep.worker.cuda;

import java.util.Arrays;

/**
 * NCCL's C API as far as Lockstep calls it, for float32 and communicators that never block: a call that takes time answers
 * {@link Result#IN_PROGRESS}, and the communicator's {@link #state} tells when it is done. No other call may come before that.
 * Addresses are those of device memory, streams their handles.
 *
 * <p>Calls on one communicator must not overlap, but for {@link #abort}, which another thread may call while the one that uses the
 * communicator waits for its stream.
 */
public interface Nccl {
    /** What a communicator's unique id takes. */
    int UNIQUE_ID_BYTES = 128;

    /** {@code ncclResult_t}. */
    enum Result {
        SUCCESS(0),
        UNHANDLED_CUDA_ERROR(1),
        SYSTEM_ERROR(2),
        INTERNAL_ERROR(3),
        INVALID_ARGUMENT(4),
        INVALID_USAGE(5),
        REMOTE_ERROR(6),
        IN_PROGRESS(7);

        private final int number;

        Result(int number) {
            this.number = number;
        }

        /** The library's number of it. */
        public int number() {
            return number;
        }

        /** The result that the library gives as a number. */
        public static Result of(int number) {
            return Arrays.stream(values())
                    .filter(result -> result.number == number)
                    .findFirst()
                    .orElseThrow(() -> new IllegalStateException("NCCL has no result " + number));
        }
    }

    /**
     * A communicator that is being joined.
     *
     * @param communicator its handle; 0 if there is none
     */
    record Joining(Result result, long communicator) {}

    /** The library's version as it codes it: 22105 is 2.21.5. */
    int version();

    /**
     * Makes what the ranks of one communicator find each other by. Whoever knows it can join, and this process listens for them.
     *
     * @throws dev.lockstep.common.failure.LockstepException if the library cannot
     */
    byte[] createUniqueId();

    /** Begins to join a communicator as one of its ranks, with the current device. */
    Joining join(int ranks, byte[] uniqueId, int rank);

    /** How a communicator's last call came out, or that it is still in progress; errors that came later are told, too. */
    Result state(long communicator);

    /** Ends what is under way on the device, and the communicator: its handle is of no use any more. */
    Result abort(long communicator);

    /** Begins to end a communicator in peace; {@link #destroy} it when that is done. */
    Result finish(long communicator);

    /** Frees a communicator: its handle is of no use any more. */
    Result destroy(long communicator);

    /** All calls of this thread up to {@link #groupEnd} are one. */
    Result groupStart();

    /** Starts what was called since {@link #groupStart}. */
    Result groupEnd();

    /** Brings the root's floats to all ranks, in place. */
    Result broadcast(long floats, long count, int root, long communicator, long stream);

    /** Sums all ranks' floats into the root's. */
    Result reduce(long floats, long count, int root, long communicator, long stream);

    /** Sums all ranks' floats into every rank's; all get the same bits. */
    Result allReduce(long floats, long count, long communicator, long stream);

    /** Sends floats to a rank that receives as many. */
    Result send(long floats, long count, int peer, long communicator, long stream);

    /** Receives floats from a rank that sends as many. */
    Result receive(long floats, long count, int peer, long communicator, long stream);

    /** What the library says of a result. */
    String describe(Result result);

    /** The library's last error in its own words; empty if there was none. */
    String lastError();
}

package dev.lockstep.worker.collective;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.worker.cuda.Nccl;
import dev.lockstep.worker.cuda.Nccl.Joining;
import dev.lockstep.worker.cuda.Nccl.Result;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * One rank's end of an NCCL communicator, which waits for no one without end.
 *
 * <p>It is the training thread's: {@link #join}, then {@link #begin}, {@link #run} and {@link #end} for each step, then {@link #close}.
 * Meanwhile a watchdog calls {@link #watch}, because the training thread may hang in the device's work, from which only the abort of the
 * communicator frees it. The first of these ends it: an error of the library's, the abort of the measurement, the step's deadline.
 * Then the communicator is aborted on a thread of its own, and every later call says why. If that does not free the training
 * thread within {@link #GRACE}, the process ends.
 */
final class NcclCommunicator implements AutoCloseable {
    /** How long an abort may take, and the training thread to notice it. */
    static final Duration GRACE = Duration.ofSeconds(10);

    private static final int SPINS = 200;
    private static final long NAP_NANOS = 20_000;
    private static final long LOCK_MILLIS = 500;

    /** A call of the library's. */
    @FunctionalInterface
    interface Operation {
        Result call(Nccl nccl, long communicator);
    }

    /**
     * What a communicator depends on.
     *
     * @param patience how long joining, and each step, may take
     * @param aborted whether the measurement was
     * @param laggards the ranks that are behind this one, in words
     * @param aborter runs the library's abort, on another thread
     * @param nanoClock as {@link System#nanoTime}
     */
    record Terms(
            Duration patience,
            BooleanSupplier aborted,
            Supplier<String> laggards,
            Executor aborter,
            LongSupplier nanoClock) {}

    private final Nccl nccl;
    private final int rank;
    private final Terms terms;
    /** Held during every call with the handle but the abort, so that none comes after it. */
    private final ReentrantLock lock = new ReentrantLock();

    private long handle;
    /** What the training thread is in; null between steps. */
    private volatile String activity;

    private volatile long deadlineNanos;
    private volatile long patienceSeconds;
    private volatile Failure failure;
    private volatile long failedNanos;
    private volatile boolean abortDone;

    private NcclCommunicator(Nccl nccl, int rank, Terms terms) {
        this.nccl = nccl;
        this.rank = rank;
        this.terms = terms;
    }

    /**
     * Joins the other ranks.
     *
     * @throws LockstepException if the library cannot, the measurement is aborted, or the others do not come in time
     */
    static NcclCommunicator join(Nccl nccl, int ranks, int rank, byte[] id, Terms terms) {
        NcclCommunicator communicator = new NcclCommunicator(nccl, rank, terms);
        communicator.begin("joining the " + ranks + " replicas");
        Joining joining = nccl.join(ranks, id, rank);
        communicator.handle = joining.communicator();
        communicator.finish("joining", joining.result());
        communicator.end();
        return communicator;
    }

    /** Starts the clock of what the training thread does next, {@code step 5} for example. */
    void begin(String what) {
        begin(what, terms.patience);
    }

    private void begin(String what, Duration patience) {
        throwIfFailed();
        patienceSeconds = patience.toSeconds();
        deadlineNanos = terms.nanoClock.getAsLong() + patience.toNanos();
        activity = what;
    }

    /**
     * Starts operations as one, and returns when they are in the stream.
     *
     * @param what they are, for messages
     * @throws LockstepException if that fails
     */
    void run(String what, List<Operation> operations) {
        Result result = locked(() -> {
            Result started = nccl.groupStart();
            for (Operation operation : operations) {
                started = worse(started, operation.call(nccl, handle));
            }
            // Whatever was started must be ended.
            return worse(started, nccl.groupEnd());
        });
        finish(what, result);
    }

    /** Stops the clock: the step's work is done on the device. */
    void end() {
        throwIfFailed();
        activity = null;
    }

    /** What the watchdog does every now and then. Returns why the process must end; null while it need not. */
    String watch() {
        String observed = activity;
        if (failure == null && observed != null) {
            observe(observed);
        }
        boolean stuck = failure != null
                && (activity != null || !abortDone)
                && terms.nanoClock.getAsLong() - failedNanos > GRACE.toNanos();
        return stuck
                ? "replica " + rank + " was not freed by the abort of its communicator within " + GRACE.toSeconds()
                        + " s; it was aborted because " + failure.message()
                : null;
    }

    /** @param observed the activity that was found: it may end meanwhile */
    private void observe(String observed) {
        if (terms.aborted.getAsBoolean()) {
            fail(abortedFailure());
        } else if (terms.nanoClock.getAsLong() - deadlineNanos > 0) {
            fail(lateFailure(observed));
        } else if (tryLock()) {
            Result state;
            try {
                // The handle is there once joining has returned.
                state = failure == null && handle != 0 ? nccl.state(handle) : Result.SUCCESS;
            } finally {
                lock.unlock();
            }
            if (state != Result.SUCCESS && state != Result.IN_PROGRESS) {
                fail(errorFailure(observed, state));
            }
        }
    }

    private boolean tryLock() {
        try {
            return lock.tryLock(LOCK_MILLIS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Whether the communicator is of no use any more. */
    boolean hasFailed() {
        return failure != null;
    }

    /** Leaves the others in peace; at once if something has failed. */
    @Override
    public void close() {
        if (failure == null && terms.aborted.getAsBoolean()) {
            // Others may never come to what this rank has in its stream.
            fail(abortedFailure());
        }
        activity = null;
        if (failure != null) {
            awaitAbort();
            return;
        }
        begin("leaving", GRACE);
        finish("leaving", locked(() -> nccl.finish(handle)));
        Result destroyed = locked(() -> {
            Result result = nccl.destroy(handle);
            // The watchdog must not ask for the state of what is gone.
            handle = 0;
            return result;
        });
        if (destroyed != Result.SUCCESS) {
            Failure failed = errorFailure("leaving", destroyed);
            throw new LockstepException(failed.category(), failed.message());
        }
        end();
    }

    /** Returns when the library has let go of the memory; the watchdog sees that it does not last. */
    private void awaitAbort() {
        while (!abortDone) {
            LockSupport.parkNanos(NAP_NANOS);
        }
    }

    /** Waits for a call that was started, as long as there is time. */
    private void finish(String what, Result started) {
        Result state = started;
        int spins = 0;
        while (state == Result.IN_PROGRESS) {
            if (terms.aborted.getAsBoolean()) {
                fail(abortedFailure());
            } else if (terms.nanoClock.getAsLong() - deadlineNanos > 0) {
                fail(lateFailure(what));
            } else if (spins++ < SPINS) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(NAP_NANOS);
            }
            throwIfFailed();
            state = locked(() -> nccl.state(handle));
        }
        if (state != Result.SUCCESS) {
            fail(errorFailure(what, state));
        }
        throwIfFailed();
    }

    private Result locked(Supplier<Result> call) {
        lock.lock();
        try {
            throwIfFailed();
            return call.get();
        } finally {
            lock.unlock();
        }
    }

    private void throwIfFailed() {
        Failure failed = failure;
        if (failed != null) {
            activity = null;
            throw new LockstepException(failed.category(), failed.message());
        }
    }

    /** The first failure counts, and aborts. */
    private synchronized void fail(Failure why) {
        if (failure != null) {
            return;
        }
        failedNanos = terms.nanoClock.getAsLong();
        failure = why;
        terms.aborter.execute(this::abort);
    }

    /** Waits a moment for the call that may be under way: it may also be what hangs. */
    private void abort() {
        boolean locked = tryLock();
        try {
            if (handle != 0) {
                nccl.abort(handle);
            }
        } finally {
            if (locked) {
                lock.unlock();
            }
        }
        abortDone = true;
    }

    private Failure abortedFailure() {
        return new Failure(
                FailureCategory.ABORTED,
                "replica " + rank + " stopped in " + activity + ": the measurement was aborted");
    }

    private Failure lateFailure(String what) {
        return new Failure(
                FailureCategory.TIMEOUT,
                "replica " + rank + " was not done with " + inActivity(what) + " after " + patienceSeconds + " s: "
                        + terms.laggards.get());
    }

    private Failure errorFailure(String what, Result result) {
        String last = nccl.lastError();
        return new Failure(
                FailureCategory.DEVICE,
                "NCCL failed on replica " + rank + " with " + inActivity(what) + ": " + nccl.describe(result)
                        + (last.isEmpty() ? "" : " (" + last + ")")
                        + "; start the cluster with NCCL_DEBUG=WARN to have the reason in the worker's log");
    }

    private String inActivity(String what) {
        return what.equals(activity) || activity == null ? what : what + " of " + activity;
    }

    /** The first error counts; without one, that something is in progress. */
    private static Result worse(Result one, Result other) {
        return switch (one) {
            case SUCCESS -> other;
            case IN_PROGRESS -> other == Result.SUCCESS ? one : other;
            default -> one;
        };
    }
}

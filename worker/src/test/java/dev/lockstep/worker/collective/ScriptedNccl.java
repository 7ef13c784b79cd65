package dev.lockstep.worker.collective;

import dev.lockstep.worker.cuda.Nccl;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CopyOnWriteArrayList;

/** NCCL that answers what a test wants, and notes what it was called with. Refuses a communicator that is gone. */
final class ScriptedNccl implements Nccl {
    static final long HANDLE = 0x1234;

    /** Every call with a communicator, but for {@link #state}. */
    final List<String> calls = new CopyOnWriteArrayList<>();
    /** What {@link #state} answers, one after the other; the last goes on. */
    final Deque<Result> states = new ConcurrentLinkedDeque<>(List.of(Result.SUCCESS));

    Result join = Result.IN_PROGRESS;
    Result operation = Result.SUCCESS;
    Result groupEnd = Result.IN_PROGRESS;
    Result destroy = Result.SUCCESS;
    String lastError = "";
    /** What an abort does. */
    Runnable onAbort = () -> {};

    private volatile boolean gone;

    void answer(Result... answers) {
        // Never empty: another thread may ask.
        int old = states.size();
        states.addAll(List.of(answers));
        for (int i = 0; i < old; i++) {
            states.remove();
        }
    }

    private void call(String name, long communicator) {
        if (gone || communicator != HANDLE) {
            throw new IllegalStateException(name + " on a communicator that is not there");
        }
        calls.add(name);
    }

    @Override
    public int version() {
        return 22105;
    }

    @Override
    public byte[] createUniqueId() {
        return new byte[UNIQUE_ID_BYTES];
    }

    @Override
    public Joining join(int ranks, byte[] uniqueId, int rank) {
        calls.add("join");
        return new Joining(join, join == Result.UNHANDLED_CUDA_ERROR ? 0 : HANDLE);
    }

    @Override
    public Result state(long communicator) {
        if (gone || communicator != HANDLE) {
            throw new IllegalStateException("asked for the state of a communicator that is not there");
        }
        return states.size() > 1 ? states.remove() : states.element();
    }

    @Override
    public Result abort(long communicator) {
        call("abort", communicator);
        gone = true;
        onAbort.run();
        return Result.SUCCESS;
    }

    @Override
    public Result finish(long communicator) {
        call("finish", communicator);
        return Result.IN_PROGRESS;
    }

    @Override
    public Result destroy(long communicator) {
        call("destroy", communicator);
        gone = true;
        return destroy;
    }

    @Override
    public Result groupStart() {
        calls.add("group start");
        return Result.SUCCESS;
    }

    @Override
    public Result groupEnd() {
        calls.add("group end");
        return groupEnd;
    }

    private Result operation(String name, long communicator) {
        call(name, communicator);
        return operation;
    }

    @Override
    public Result broadcast(long floats, long count, int root, long communicator, long stream) {
        return operation("broadcast", communicator);
    }

    @Override
    public Result reduce(long floats, long count, int root, long communicator, long stream) {
        return operation("reduce", communicator);
    }

    @Override
    public Result allReduce(long floats, long count, long communicator, long stream) {
        return operation("all-reduce", communicator);
    }

    @Override
    public Result send(long floats, long count, int peer, long communicator, long stream) {
        return operation("send", communicator);
    }

    @Override
    public Result receive(long floats, long count, int peer, long communicator, long stream) {
        return operation("receive", communicator);
    }

    @Override
    public String describe(Result result) {
        return "described " + result;
    }

    @Override
    public String lastError() {
        return lastError;
    }
}

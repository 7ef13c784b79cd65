package dev.lockstep.worker.cuda;

import com.sun.jna.Pointer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * NCCL for ranks that are threads of one process and whose device memory is the host's. Sums in rank order. Insists, as the library
 * does, that all ranks call the same collectives in the same order, and that nothing is called while a call is in progress.
 */
public final class LocalNccl implements Nccl {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final int POLLS = 3;

    /** What the ranks share. */
    public static final class World {
        private final int ranks;
        private final Map<Long, Meeting> meetings = new HashMap<>();
        private final Map<String, Deque<float[]>> mail = new HashMap<>();

        public World(int ranks) {
            this.ranks = ranks;
        }
    }

    /** The same call of all ranks. */
    private static final class Meeting {
        final long[] addresses;
        final String call;
        int arrived;
        boolean done;

        Meeting(int ranks, String call) {
            this.addresses = new long[ranks];
            this.call = call;
        }
    }

    private final World world;
    private int rank;
    private long calls;
    private boolean inGroup;
    private int pollsLeft;
    private final List<Runnable> group = new ArrayList<>();
    private boolean ended;

    public LocalNccl(World world) {
        this.world = world;
    }

    /** Whether the communicator was left in peace. */
    public boolean ended() {
        return ended;
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
    public Joining join(int ranks, byte[] uniqueId, int ownRank) {
        if (ranks != world.ranks || uniqueId.length != UNIQUE_ID_BYTES) {
            return new Joining(Result.INVALID_ARGUMENT, 0);
        }
        rank = ownRank;
        return new Joining(begun(), 1);
    }

    private Result begun() {
        pollsLeft = POLLS;
        return Result.IN_PROGRESS;
    }

    @Override
    public Result state(long communicator) {
        return pollsLeft-- > 0 ? Result.IN_PROGRESS : Result.SUCCESS;
    }

    @Override
    public Result abort(long communicator) {
        return Result.SUCCESS;
    }

    @Override
    public Result finish(long communicator) {
        return begun();
    }

    @Override
    public Result destroy(long communicator) {
        ended = true;
        return Result.SUCCESS;
    }

    @Override
    public Result groupStart() {
        if (inGroup || pollsLeft > 0) {
            return Result.INVALID_USAGE;
        }
        inGroup = true;
        return Result.SUCCESS;
    }

    @Override
    public Result groupEnd() {
        if (!inGroup) {
            return Result.INVALID_USAGE;
        }
        inGroup = false;
        group.forEach(Runnable::run);
        group.clear();
        return begun();
    }

    private Result enqueue(Runnable operation) {
        if (!inGroup) {
            return Result.INVALID_USAGE;
        }
        group.add(operation);
        return Result.SUCCESS;
    }

    @Override
    public Result broadcast(long floats, long count, int root, long communicator, long stream) {
        return enqueue(() -> meet("broadcast " + count + " from " + root, floats, addresses -> {
            float[] values = read(addresses[root], count);
            Arrays.stream(addresses).forEach(address -> write(address, values));
        }));
    }

    @Override
    public Result reduce(long floats, long count, int root, long communicator, long stream) {
        return enqueue(() -> meet(
                "reduce " + count + " to " + root, floats, addresses -> write(addresses[root], sum(addresses, count))));
    }

    @Override
    public Result allReduce(long floats, long count, long communicator, long stream) {
        return enqueue(() -> meet("all-reduce " + count, floats, addresses -> {
            float[] sum = sum(addresses, count);
            Arrays.stream(addresses).forEach(address -> write(address, sum));
        }));
    }

    @Override
    public Result send(long floats, long count, int peer, long communicator, long stream) {
        return enqueue(() -> {
            synchronized (world) {
                mailbox(rank, peer).add(read(floats, count));
                world.notifyAll();
            }
        });
    }

    @Override
    public Result receive(long floats, long count, int peer, long communicator, long stream) {
        return enqueue(() -> {
            synchronized (world) {
                Deque<float[]> box = mailbox(peer, rank);
                await(box::isEmpty);
                float[] values = box.remove();
                if (values.length != count) {
                    throw new IllegalStateException("sent " + values.length + " floats, received " + count);
                }
                write(floats, values);
            }
        });
    }

    private Deque<float[]> mailbox(int from, int to) {
        return world.mail.computeIfAbsent(from + " to " + to, key -> new ArrayDeque<>());
    }

    private void meet(String call, long address, Consumer<long[]> exchange) {
        synchronized (world) {
            Meeting meeting = world.meetings.computeIfAbsent(calls++, key -> new Meeting(world.ranks, call));
            if (!meeting.call.equals(call)) {
                throw new IllegalStateException("rank " + rank + " calls " + call + ", others " + meeting.call);
            }
            meeting.addresses[rank] = address;
            if (++meeting.arrived == world.ranks) {
                exchange.accept(meeting.addresses);
                meeting.done = true;
                world.notifyAll();
            }
            await(() -> !meeting.done);
        }
    }

    private void await(BooleanSupplier open) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (open.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new IllegalStateException("rank " + rank + " waits for a call that no one makes");
            }
            try {
                world.wait(100);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private static float[] sum(long[] addresses, long count) {
        float[] sum = read(addresses[0], count);
        for (int other = 1; other < addresses.length; other++) {
            float[] values = read(addresses[other], count);
            for (int i = 0; i < sum.length; i++) {
                sum[i] += values[i];
            }
        }
        return sum;
    }

    private static float[] read(long address, long count) {
        return new Pointer(address).getFloatArray(0, Math.toIntExact(count));
    }

    private static void write(long address, float[] values) {
        new Pointer(address).write(0, values, 0, values.length);
    }

    @Override
    public String describe(Result result) {
        return result.name();
    }

    @Override
    public String lastError() {
        return "";
    }
}

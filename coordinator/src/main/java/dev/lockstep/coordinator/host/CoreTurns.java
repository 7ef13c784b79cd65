package dev.lockstep.coordinator.host;

import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.threads.DaemonThreads;
import dev.lockstep.common.threads.ThreadAffinity;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has replicas change places on the cores many times within a step. Cores are seldom equally fast (a neighbour on the host, a clock, a
 * kind of core of its own), and replicas that keep step are as fast as the slowest of them; if each computes on each core for its share
 * of the time, all are as fast as the cores on average. docs/adr/0021 has the figures.
 *
 * <p>It is all done from here, on one thread for the whole cluster: turns of one measurement end before those of the next begin, and all
 * replicas move at once, so that none computes beside another on one core.
 */
public final class CoreTurns {
    private static final Logger LOG = LoggerFactory.getLogger(CoreTurns.class);

    private final Path root;
    private final Duration turn;
    private final Pinning pinning;
    private final ScheduledExecutorService timer =
            Executors.newSingleThreadScheduledExecutor(DaemonThreads.named("core-turns"));

    /**
     * A replica's place.
     *
     * @param pid of its process
     * @param cpus logical processors of its device; empty for a GPU
     */
    public record Seat(long pid, List<Integer> cpus) {
        public Seat {
            cpus = List.copyOf(cpus);
        }
    }

    /** Has a thread run on some processors from now on. */
    interface Pinning {
        void pin(int thread, List<Integer> cpus);
    }

    /**
     * Makes turns.
     *
     * @param root {@code /}
     * @param turn how long each stays where it is; zero for no turns
     */
    public CoreTurns(Path root, Duration turn) {
        this(root, turn, ThreadAffinity::pin);
    }

    CoreTurns(Path root, Duration turn, Pinning pinning) {
        this.root = root;
        this.turn = turn;
        this.pinning = pinning;
    }

    /**
     * Begins. There are no turns, and everything stays as it is, for a single replica, for replicas that share processors or have
     * different numbers of them, and where they are not all beside the same memory.
     *
     * @param seats of all replicas of a measurement, each pinned to its processors
     */
    public Session begin(List<Seat> seats) {
        Session session = new Session(seats);
        if (!turn.isZero() && seats.size() > 1 && alike(seats)) {
            timer.execute(session::begin);
        }
        return session;
    }

    private static boolean alike(List<Seat> seats) {
        int each = seats.get(0).cpus.size();
        long all = seats.stream().flatMap(seat -> seat.cpus.stream()).distinct().count();
        return each > 0
                && seats.stream().allMatch(seat -> seat.cpus.size() == each)
                && all == (long) each * seats.size();
    }

    /** The turns of one measurement. */
    public final class Session implements AutoCloseable {
        private final List<Seat> seats;

        // These belong to the timer's thread.
        private List<List<Integer>> threads = List.of();
        private int shift;
        private ScheduledFuture<?> turns;

        private volatile boolean taken;

        private Session(List<Seat> seats) {
            this.seats = List.copyOf(seats);
        }

        /** How long a turn is; null if there are none, or they had to be given up. */
        public Double millis() {
            return taken ? turn.toNanos() / 1e6 : null;
        }

        private void begin() {
            try {
                threads = seats.stream().map(CoreTurns.this::pinnedThreads).toList();
                if (memoryNodes(seats) > 1 || threads.stream().anyMatch(List::isEmpty)) {
                    return;
                }
            } catch (UncheckedIOException e) {
                LOG.warn("replicas keep to their own cores: {}", e.getMessage());
                return;
            }
            taken = true;
            turns = timer.scheduleWithFixedDelay(this::next, turn.toNanos(), turn.toNanos(), TimeUnit.NANOSECONDS);
        }

        private void next() {
            try {
                shift = (shift + 1) % seats.size();
                place();
            } catch (LockstepException e) {
                taken = false;
                turns.cancel(false);
                LOG.warn("replicas do not change places any more: {}", e.getMessage());
            }
        }

        private void place() {
            for (int rank = 0; rank < seats.size(); rank++) {
                List<Integer> cpus = seats.get((rank + shift) % seats.size()).cpus;
                threads.get(rank).forEach(thread -> pinning.pin(thread, cpus));
            }
        }

        /** Each goes back to its own place. */
        @Override
        public void close() {
            timer.execute(() -> {
                if (turns != null) {
                    turns.cancel(false);
                    shift = 0;
                    try {
                        place();
                    } catch (LockstepException e) {
                        LOG.warn("a replica stays on another's cores: {}", e.getMessage());
                    }
                }
            });
        }
    }

    /** The threads of a replica that compute: those that are pinned to its processors. */
    private List<Integer> pinnedThreads(Seat seat) {
        Path tasks = root.resolve("proc").resolve(Long.toString(seat.pid)).resolve("task");
        return children(tasks).stream()
                .filter(task -> Processors.allowed(task.resolve("status"))
                        .filter(seat.cpus::equals)
                        .isPresent())
                .map(task -> Integer.valueOf(task.getFileName().toString()))
                .toList();
    }

    /** How many NUMA nodes their processors are in; none where the machine does not tell. */
    private long memoryNodes(List<Seat> seats) {
        Set<Integer> cpus = seats.stream().flatMap(seat -> seat.cpus.stream()).collect(Collectors.toSet());
        return children(root.resolve("sys/devices/system/node")).stream()
                .flatMap(node -> MachineFiles.read(node.resolve("cpulist")).stream())
                .filter(list -> list.lines()
                        .filter(line -> !line.isBlank())
                        .flatMap(line -> Processors.parse(line.strip()).stream())
                        .anyMatch(cpus::contains))
                .count();
    }

    private static List<Path> children(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> children = Files.list(folder)) {
            return children.toList();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + folder, e);
        }
    }
}

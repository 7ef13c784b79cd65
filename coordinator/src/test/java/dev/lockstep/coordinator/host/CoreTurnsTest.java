package dev.lockstep.coordinator.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.coordinator.host.CoreTurns.Seat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Turns of processes that are but files. */
@Timeout(20)
class CoreTurnsTest {
    private static final Duration TURN = Duration.ofMillis(2);
    private static final List<Seat> PAIR = List.of(new Seat(10, List.of(0)), new Seat(20, List.of(1)));

    @TempDir
    Path root;

    private final BlockingQueue<String> pins = new LinkedBlockingQueue<>();
    private final CoreTurns.Pinning recorded = (thread, cpus) -> pins.add(thread + " to " + cpus);

    @BeforeEach
    void describeMachine() throws IOException {
        thread(10, 10, "0-3");
        thread(10, 11, "0");
        thread(10, 12, "0");
        thread(20, 21, "1");
        thread(30, 31, "2");
        thread(40, 41, "0-1");
        thread(50, 51, "2-3");
        thread(60, 60, "0-3");
        write("sys/devices/system/node/node0/cpulist", "0-2\n");
        write("sys/devices/system/node/node1/cpulist", "3\n");
        write("sys/devices/system/node/node2/cpulist", "\n");
        write("sys/devices/system/node/possible", "0-2\n");
    }

    private void thread(int pid, int thread, String cpus) throws IOException {
        write("proc/%d/task/%d/status".formatted(pid, thread), "Name:\tjava\nCpus_allowed_list:\t" + cpus + "\n");
    }

    private void write(String file, String text) throws IOException {
        Files.createDirectories(root.resolve(file).getParent());
        Files.writeString(root.resolve(file), text);
    }

    /** Moves of one turn, by thread: files are in no order. */
    private List<String> next(int count) throws InterruptedException {
        List<String> next = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            next.add(pins.take());
        }
        return next.stream().sorted().toList();
    }

    @Test
    void shouldMovePinnedThreadsRoundAndHomeAgain() throws InterruptedException {
        List<String> away = List.of("11 to [1]", "12 to [1]", "21 to [0]");
        List<String> home = List.of("11 to [0]", "12 to [0]", "21 to [1]");
        CoreTurns.Session session = new CoreTurns(root, TURN, recorded).begin(PAIR);
        assertEquals(away, next(3));
        assertEquals(home, next(3));
        assertEquals(away, next(3));
        assertEquals(2.0, session.millis());
        session.close();
        String last = null;
        for (String pin = pins.take(); pin != null; pin = pins.poll(100, TimeUnit.MILLISECONDS)) {
            last = pin;
        }
        assertEquals("21 to [1]", last, "at home, and no turns any more");
    }

    @Test
    void shouldHaveEachOfThreeEverywhere() throws InterruptedException {
        List<Seat> seats = List.of(new Seat(10, List.of(0)), new Seat(20, List.of(1)), new Seat(30, List.of(2)));
        try (CoreTurns.Session session = new CoreTurns(root, TURN, recorded).begin(seats)) {
            assertEquals(List.of("11 to [1]", "12 to [1]", "21 to [2]", "31 to [0]"), next(4));
            assertEquals(List.of("11 to [2]", "12 to [2]", "21 to [0]", "31 to [1]"), next(4));
            assertEquals(List.of("11 to [0]", "12 to [0]", "21 to [1]", "31 to [2]"), next(4));
            assertEquals(2.0, session.millis());
        }
    }

    @Test
    void shouldLeaveReplicasWhereThereIsNothingToExchange() throws InterruptedException {
        assertStays("a single one", PAIR.subList(0, 1));
        assertStays("one processor for both", List.of(PAIR.get(0), new Seat(20, List.of(0))));
        assertStays("two processors against one", List.of(new Seat(40, List.of(0, 1)), new Seat(30, List.of(2))));
        assertStays("two memory nodes", List.of(new Seat(40, List.of(0, 1)), new Seat(50, List.of(2, 3))));
        assertStays("no pinned thread", List.of(PAIR.get(0), new Seat(60, List.of(1))));
        assertStays("no such process", List.of(PAIR.get(0), new Seat(70, List.of(1))));
        assertStays("GPUs", List.of(new Seat(10, List.of()), new Seat(20, List.of())));
        CoreTurns none = new CoreTurns(root, Duration.ZERO, recorded);
        assertNull(none.begin(PAIR).millis());
    }

    /** What begins after them shows that these have been decided on. */
    private void assertStays(String what, List<Seat> seats) throws InterruptedException {
        BlockingQueue<Integer> moved = new LinkedBlockingQueue<>();
        CoreTurns turns = new CoreTurns(root, TURN, (thread, cpus) -> moved.add(thread));
        try (CoreTurns.Session session = turns.begin(seats);
                CoreTurns.Session other = turns.begin(PAIR)) {
            assertEquals(
                    List.of(11, 12, 21),
                    Stream.of(moved.take(), moved.take(), moved.take()).sorted().toList(),
                    what);
            assertNull(session.millis(), what);
            assertEquals(2.0, other.millis());
        }
    }

    @Test
    void shouldGiveUpTurnsThatAreRefused() throws InterruptedException {
        CoreTurns turns = new CoreTurns(root, TURN, (thread, cpus) -> {
            recorded.pin(thread, cpus);
            throw new LockstepException(FailureCategory.ENVIRONMENT, "not allowed");
        });
        CoreTurns.Session session = turns.begin(PAIR);
        assertEquals("11 to [1]", pins.take());
        session.close();
        assertEquals("11 to [0]", pins.take());
        assertNull(session.millis());
        assertNull(pins.poll());
    }
}

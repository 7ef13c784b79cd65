package dev.lockstep.coordinator.overhead;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TurnsTest {
    private static final Duration TURN = Duration.ofSeconds(10);
    private static final Duration LIMIT = Duration.ofSeconds(100);

    private final Sleepers sleepers = new Sleepers();
    private final StringBuilder order = new StringBuilder();
    private Standstill standstill;
    private long nanos;

    @BeforeEach
    void startShell() {
        standstill = Standstill.start();
    }

    @AfterEach
    void endProcesses() {
        standstill.close();
        sleepers.close();
    }

    /** Looks every five seconds, and is through after so many looks. */
    private final class Trainer implements Turns.Side {
        private final String letter;
        private final long pid;
        private int looks;
        private Trainer other;

        private Trainer(String letter, int looks) throws IOException {
            this.letter = letter;
            this.looks = looks;
            this.pid = sleepers.start();
        }

        @Override
        public String name() {
            return "steps of " + letter;
        }

        @Override
        public List<Long> pids() {
            return List.of(pid);
        }

        @Override
        public boolean isThrough() {
            Sleepers.assertGoesOn(pid);
            Sleepers.assertStandsStill(other.pid);
            order.append(letter);
            nanos += TimeUnit.SECONDS.toNanos(5);
            return --looks == 0;
        }
    }

    private void take(Trainer first, Trainer second) {
        first.other = second;
        second.other = first;
        standstill.stop(second.pids());
        new Turns(standstill, TURN, LIMIT, () -> nanos, this::pause).take(first, second);
    }

    private void pause(Duration duration) {
        order.append('.');
        nanos += duration.toNanos();
    }

    /** The middle of either's training is the middle of all. */
    @Test
    void shouldLetEitherTrainForATurn() throws IOException {
        Trainer first = new Trainer("a", 4);
        Trainer second = new Trainer("b", 4);
        take(first, second);
        assertEquals("abbaabba", order.toString());
        Sleepers.assertGoesOn(first.pid);
        Sleepers.assertGoesOn(second.pid);
    }

    @Test
    void shouldNotGiveTurnsToOneThatIsThrough() throws IOException {
        take(new Trainer("a", 1), new Trainer("b", 5));
        assertEquals("abbbbb", order.toString());
        order.setLength(0);
        take(new Trainer("a", 7), new Trainer("b", 3));
        assertEquals("abbaab.aaaa", order.toString());
    }

    @Test
    void shouldGiveUpOneThatTakesTooLong() throws IOException {
        Trainer first = new Trainer("a", 100);
        Trainer second = new Trainer("b", 1);
        LockstepException failure = assertThrows(LockstepException.class, () -> take(first, second));
        assertEquals(FailureCategory.TIMEOUT, failure.failure().category());
        assertEquals("the steps of a were not through after 100 s of training", failure.getMessage());
    }
}

package dev.lockstep.coordinator.overhead;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class StandstillTest {
    private final Sleepers sleepers = new Sleepers();

    @AfterEach
    void endSleepers() {
        sleepers.close();
    }

    @Test
    void shouldStopThoseThatAreNamedAndLetThemGoOn() throws IOException {
        long first = sleepers.start();
        long second = sleepers.start();
        long other = sleepers.start();
        try (Standstill standstill = Standstill.start()) {
            standstill.stop(List.of(first, second));
            Sleepers.assertStandsStill(first);
            Sleepers.assertStandsStill(second);
            Sleepers.assertGoesOn(other);

            standstill.goOn(List.of(first));
            Sleepers.assertGoesOn(first);
            Sleepers.assertStandsStill(second);
        }
    }

    @Test
    void shouldLeaveNoneStandingWhenItsInputEnds() throws IOException {
        long first = sleepers.start();
        long second = sleepers.start();
        try (Standstill standstill = Standstill.start()) {
            standstill.stop(List.of(first));
            standstill.stop(List.of(second));
        }
        Sleepers.assertGoesOn(first);
        Sleepers.assertGoesOn(second);
    }

    @Test
    void shouldSayWhenOneIsGone() throws IOException {
        long alive = sleepers.start();
        long gone = sleepers.start();
        sleepers.end(gone);
        try (Standstill standstill = Standstill.start()) {
            LockstepException failure =
                    assertThrows(LockstepException.class, () -> standstill.stop(List.of(gone, alive)));
            assertEquals(FailureCategory.WORKER_DIED, failure.failure().category());
            assertEquals(
                    "one of the processes " + gone + " " + alive + " has ended and got no SIGSTOP",
                    failure.getMessage());
        }
        Sleepers.assertGoesOn(alive);
    }
}

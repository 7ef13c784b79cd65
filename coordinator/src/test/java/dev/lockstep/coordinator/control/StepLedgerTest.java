package dev.lockstep.coordinator.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.report.Quality;
import dev.lockstep.common.work.PhaseNanos;
import dev.lockstep.common.work.StepReport;
import java.util.List;
import org.junit.jupiter.api.Test;

class StepLedgerTest {
    private static StepReport report(long step) {
        return new StepReport(step, 1000 + step, new PhaseNanos(1, 1, 1, 1, 1, 1, 1, 1), 0, null);
    }

    @Test
    void shouldHaveTwoStepsUnderWayAtMost() {
        StepLedger ledger = new StepLedger(2, new WarmUp(0, 0), 5, 2);
        ledger.command();
        assertTrue(ledger.mayCommand());
        ledger.command();
        assertFalse(ledger.mayCommand());
        assertThrows(IllegalStateException.class, ledger::command);
        assertFalse(ledger.mayFill(2));
        assertNull(ledger.record(0, report(0)));
        assertFalse(ledger.mayCommand(), "rank 1 has not finished step 0");
        assertNull(ledger.record(1, report(0)));
        assertTrue(ledger.mayCommand());
        assertTrue(ledger.mayFill(2));
        assertFalse(ledger.mayFill(3));
    }

    @Test
    void shouldCommandInGroupsOfHalfTheStepsInFlight() {
        StepLedger ledger = new StepLedger(1, new WarmUp(0, 0), 100, 4);
        for (int step = 0; step < 4; step++) {
            ledger.command();
        }
        assertFalse(ledger.mayCommand());
        assertNull(ledger.record(0, report(0)));
        assertTrue(ledger.mayCommand());
        assertFalse(ledger.isDue(), "three of four are still in flight");
        assertEquals(2, ledger.groupSize());
        assertNull(ledger.record(0, report(1)));
        assertTrue(ledger.isDue());
    }

    @Test
    void shouldBeDueWithEveryStepWhenTwoAreInFlight() {
        StepLedger ledger = new StepLedger(1, new WarmUp(0, 0), 100, 2);
        ledger.command();
        assertTrue(ledger.isDue());
        ledger.command();
        assertFalse(ledger.isDue());
        assertNull(ledger.record(0, report(0)));
        assertTrue(ledger.isDue());
    }

    @Test
    void shouldNameTheRanksThatAreBehindAsMissing() {
        StepLedger ledger = new StepLedger(3, new WarmUp(0, 0), 100, 8);
        assertEquals(List.of(), ledger.missing());
        for (int step = 0; step < 4; step++) {
            ledger.command();
        }
        assertNull(ledger.record(0, report(0)));
        assertNull(ledger.record(2, report(0)));
        assertEquals(List.of(1), ledger.missing());
        assertNull(ledger.record(1, report(0)));
        assertEquals(List.of(0, 1, 2), ledger.missing());
    }

    @Test
    void shouldRejectStaleSurplusAndUncommandedAnswers() {
        StepLedger ledger = new StepLedger(2, new WarmUp(0, 0), 5, 2);
        assertNotNull(ledger.record(0, report(0)), "nothing was commanded");
        ledger.command();
        assertNull(ledger.record(0, report(0)));
        assertNotNull(ledger.record(0, report(0)), "twice");
        assertNotNull(ledger.record(0, report(1)), "not commanded yet");
        assertNotNull(ledger.record(2, report(0)), "no such rank");
        assertEquals(List.of(1), ledger.missing());
    }

    @Test
    void shouldBeCompleteWhenEveryRankHasDoneEveryStep() {
        StepLedger ledger = new StepLedger(2, new WarmUp(1, 1), 2, 2);
        for (int step = 0; step < 3; step++) {
            assertTrue(ledger.isStarved());
            ledger.command();
            assertFalse(ledger.isStarved());
            assertNull(ledger.record(1, report(step)));
            assertFalse(ledger.isComplete());
            assertNull(ledger.record(0, report(step)));
        }
        assertTrue(ledger.isComplete());
        assertFalse(ledger.mayCommand());
        assertFalse(ledger.mayFill(3));
        assertEquals(List.of(report(1), report(2)), ledger.measured().get(0));
    }

    @Test
    void shouldMeasureAsManyStepsHoweverLongTheWarmUpTakes() {
        StepLedger ledger = new StepLedger(2, new WarmUp(1, 20), 3, 2);
        ledger.command();
        ledger.command();
        assertEquals(4, ledger.expectedSteps());
        int step = 0;
        while (!ledger.isMeasuring()) {
            finish(ledger, step++);
            assertEquals(ledger.isMeasuring() ? 9 : step + 4, ledger.expectedSteps());
            assertTrue(ledger.mayCommand(), "the step after the warm-up is under way before it is known to be one");
            ledger.command();
        }
        assertEquals(6, step, "the times are steady as soon as there are enough to tell");
        assertEquals(new Quality.WarmUp(6, 1, 20, true), ledger.warmUp());
        finish(ledger, step++);
        assertTrue(ledger.mayFill(8));
        ledger.command();
        assertFalse(ledger.mayCommand());
        assertFalse(ledger.mayFill(9));
        finish(ledger, step++);
        assertFalse(ledger.isComplete());
        finish(ledger, step);
        assertTrue(ledger.isComplete());
        assertEquals(List.of(report(6), report(7), report(8)), ledger.measured().get(1));
    }

    @Test
    void shouldNotCommandMoreThanTheLongestWarmUpAndTheMeasuredSteps() {
        StepLedger ledger = new StepLedger(1, new WarmUp(0, 1), 1, 2);
        ledger.command();
        ledger.command();
        assertNull(ledger.record(0, report(0)));
        assertFalse(ledger.mayCommand());
        assertNull(ledger.record(0, report(1)));
        assertTrue(ledger.isComplete());
        assertEquals(new Quality.WarmUp(1, 0, 1, null), ledger.warmUp());
    }

    private static void finish(StepLedger ledger, int step) {
        assertNull(ledger.record(1, report(step)));
        assertNull(ledger.record(0, report(step)));
    }
}

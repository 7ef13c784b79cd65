package dev.lockstep.coordinator.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.report.Quality;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Warm-ups over series of step times that are made up. */
class WarmUpTest {
    private static final double LEVEL_MILLIS = 1500;
    private static final int LIMIT = 60;

    private static Quality.WarmUp warmUp(int least, int limit, IntToDoubleFunction millisOfStep) {
        WarmUp warmUp = new WarmUp(least, limit);
        while (!warmUp.isOver()) {
            warmUp.add(Math.round(millisOfStep.applyAsDouble(warmUp.steps()) * 1e6));
        }
        return warmUp.summary();
    }

    private static Quality.WarmUp warmUp(IntToDoubleFunction millisOfStep) {
        return warmUp(3, LIMIT, millisOfStep);
    }

    /** How many of a hundred noisy series are steady by a step. */
    private static long steadyBy(int steps, double spread) {
        return IntStream.range(0, 100)
                .filter(seed -> {
                    Random random = new Random(seed);
                    return warmUp(step -> LEVEL_MILLIS * (1 + spread * random.nextGaussian()))
                                    .steps()
                            <= steps;
                })
                .count();
    }

    @Test
    void shouldEndAsSoonAsThereAreEnoughStepsOfOneLevel() {
        assertEquals(new Quality.WarmUp(6, 3, LIMIT, true), warmUp(step -> LEVEL_MILLIS));
    }

    @Test
    void shouldNotMindASlowFirstStep() {
        assertEquals(6, warmUp(step -> step == 0 ? 9000 : LEVEL_MILLIS).steps());
    }

    @Test
    void shouldWaitUntilADecayIsWithinTwoPercent() {
        Quality.WarmUp fast = warmUp(step -> LEVEL_MILLIS * (1 + 0.8 * Math.pow(0.5, step)));
        // By hand: medians of three steps are those in their middle, 5 % and 0.6 % above the level after 9 steps, 1.25
        // % and 0.2 % after 11.
        assertEquals(new Quality.WarmUp(11, 3, LIMIT, true), fast);
        Quality.WarmUp slow = warmUp(step -> LEVEL_MILLIS * (1 + 0.8 * Math.pow(0.9, step)));
        assertTrue(slow.steady());
        double left = 0.8 * Math.pow(0.9, slow.steps());
        assertTrue(left < 0.05, "what is left of the decay after " + slow.steps() + " steps: " + left);
    }

    @Test
    void shouldSeeADecayThroughNoiseSmallerThanIt() {
        for (int seed = 0; seed < 50; seed++) {
            Random random = new Random(seed);
            int steps = warmUp(step -> LEVEL_MILLIS * (1 + Math.pow(0.7, step) + 0.01 * random.nextGaussian()))
                    .steps();
            assertTrue(steps >= 8, "with seed " + seed + " it ended after " + steps + " steps");
        }
    }

    @Test
    void shouldTakeNoiseAroundOneLevelForSteadyHoweverWide() {
        for (double spread : new double[] {0.005, 0.03, 0.1, 0.3}) {
            assertTrue(steadyBy(8, spread) >= 90, "spread " + spread + ": " + steadyBy(8, spread));
            assertEquals(100, steadyBy(20, spread));
        }
    }

    @Test
    void shouldTakeTwoLevelsThatAlternateForSteady() {
        assertEquals(6, warmUp(step -> step % 2 == 0 ? 1000 : 1500).steps());
    }

    @Test
    void shouldTakeTwoLevelsThatMixForSteadyBeforeLong() {
        for (int seed = 0; seed < 50; seed++) {
            Random random = new Random(seed);
            assertTrue(warmUp(step -> random.nextBoolean() ? 1000 : 1500).steps() < 20, "seed " + seed);
        }
    }

    @Test
    void shouldNotBeSteadyRightAfterAChangeOfLevel() {
        assertEquals(9, warmUp(step -> step < 4 ? 2000 : LEVEL_MILLIS).steps());
    }

    @Test
    void shouldGiveUpOnADriftAndSaySo() {
        assertEquals(new Quality.WarmUp(LIMIT, 3, LIMIT, false), warmUp(step -> LEVEL_MILLIS * (1 + 0.02 * step)));
    }

    @Test
    void shouldTakeTheLeastNumberHoweverSteady() {
        assertEquals(new Quality.WarmUp(10, 10, LIMIT, true), warmUp(10, LIMIT, step -> LEVEL_MILLIS));
    }

    @Test
    void shouldTakeAFixedNumberWhereBoundsAreEqualAndJudgeItAllTheSame() {
        assertEquals(new Quality.WarmUp(0, 0, 0, null), warmUp(0, 0, step -> LEVEL_MILLIS));
        assertEquals(new Quality.WarmUp(5, 5, 5, null), warmUp(5, 5, step -> LEVEL_MILLIS));
        assertEquals(new Quality.WarmUp(8, 8, 8, true), warmUp(8, 8, step -> LEVEL_MILLIS));
        assertEquals(new Quality.WarmUp(8, 8, 8, false), warmUp(8, 8, step -> LEVEL_MILLIS * (1 + 0.1 * step)));
    }

    @Test
    void shouldTakeNoStepOnceItIsOver() {
        WarmUp none = new WarmUp(0, 0);
        assertTrue(none.isOver());
        assertThrows(IllegalStateException.class, () -> none.add(1));
        assertFalse(new WarmUp(0, 1).isOver());
        assertThrows(IllegalArgumentException.class, () -> new WarmUp(2, 1));
    }
}

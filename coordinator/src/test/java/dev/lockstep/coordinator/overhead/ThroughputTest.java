package dev.lockstep.coordinator.overhead;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Scaling;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.work.BareReport;
import dev.lockstep.coordinator.report.RunReports;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class ThroughputTest {
    private static final Duration TURN = Duration.ofSeconds(2);

    @Test
    void shouldAddUpLoopsEachOverItsOwnSteps() {
        BareReport fast = new BareReport(List.of(100_000_000L, 300_000_000L, 200_000_000L), 1.5);
        BareReport slow = new BareReport(List.of(400_000_000L, 400_000_000L), 1.5);

        Throughput both = Throughput.ofBare(List.of(fast, slow), 16, TURN);

        // 16 images in 0.2 s and 16 in 0.4 s: not 32 in the middle of all.
        assertEquals(16 / 0.2 + 16 / 0.4, both.imagesPerSecond(), 1e-9);
        assertEquals(List.of(List.of(100.0, 300.0, 200.0), List.of(400.0, 400.0)), both.samplesMillis());
        // And both in step make 16 images in 0.4 s each.
        assertEquals(2 * 16 / 0.4, both.inStepImagesPerSecond(), 1e-9);
        assertEquals(0, both.interrupted());
        assertNull(both.replicateMillis());
    }

    @Test
    void shouldLeaveOutTheShortestAndTheLongestTenth() {
        List<Long> nanos = new ArrayList<>(List.of(1_500_000_000L, 10_000_000L, 210_000_000L, 190_000_000L));
        nanos.addAll(Collections.nCopies(15, 300_000_000L));

        // 19 steps: one at each end, 17 of 4.9 s in all.
        assertEquals(
                16 * 17 / 4.9,
                Throughput.ofBare(List.of(new BareReport(nanos, 1.5)), 16, TURN).imagesPerSecond(),
                1e-9);
        // 20: two at each end.
        nanos.add(1_600_000_000L);
        assertEquals(
                16 * 16 / (0.21 + 15 * 0.3),
                Throughput.ofBare(List.of(new BareReport(nanos, 1.5)), 16, TURN).imagesPerSecond(),
                1e-9);
    }

    @Test
    void shouldTakeLockstepsFiguresAsItsReportHasThem() {
        MeasurementSpec spec = MeasurementSpec.of(Strategy.ALL_REDUCE, Precision.FP32, 2, 32, 2, 2, Scaling.WEAK, 2);
        Result result = RunReports.ok(spec, 100, 300).results().get(0);

        Throughput lockstep = Throughput.ofLockstep(result, TURN);

        assertEquals(32 / 0.2, lockstep.imagesPerSecond(), 1e-9);
        assertEquals(lockstep.imagesPerSecond(), lockstep.inStepImagesPerSecond());
        assertEquals(List.of(List.of(100.0, 300.0)), lockstep.samplesMillis());
        assertEquals(result.phaseMillis().replicate(), lockstep.replicateMillis());
    }

    @Test
    void shouldLeaveOutStepsInWhichASideStoodStill() {
        BareReport one = new BareReport(List.of(100_000_000L, 2_000_000_000L, 1_999_000_000L), 1.5);
        BareReport two = new BareReport(List.of(2_100_000_000L, 200_000_000L), 1.5);

        Throughput both = Throughput.ofBare(List.of(one, two), 8, TURN);

        assertEquals(List.of(List.of(100.0, 1999.0), List.of(200.0)), both.samplesMillis());
        assertEquals(2, both.interrupted());
    }

    @Test
    void shouldSayWhereNoStepFitsIntoATurn() {
        BareReport short_ = new BareReport(List.of(100_000_000L), 1.5);
        BareReport long_ = new BareReport(List.of(5_000_000_000L, 14_000_000_000L), 1.5);
        LockstepException failure =
                assertThrows(LockstepException.class, () -> Throughput.ofBare(List.of(short_, long_), 8, TURN));
        assertEquals(FailureCategory.USAGE, failure.failure().category());
        assertEquals(
                "no step was over within a turn of 2 s: take fewer images or a longer --turn", failure.getMessage());
    }
}

package dev.lockstep.coordinator.overhead;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Scaling;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.work.BareReport;
import dev.lockstep.coordinator.report.RunReports;
import java.util.List;
import org.junit.jupiter.api.Test;

class ThroughputTest {
    @Test
    void shouldAddUpLoopsEachOverItsOwnMeanStep() {
        BareReport fast = new BareReport(List.of(100_000_000L, 300_000_000L), 1.5);
        BareReport slow = new BareReport(List.of(400_000_000L, 400_000_000L), 1.5);

        Throughput both = Throughput.ofBare(List.of(fast, slow), 16);

        // 16 images in 0.2 s and 16 in 0.4 s: not 32 in the mean of all, 0.3 s.
        assertEquals(16 / 0.2 + 16 / 0.4, both.imagesPerSecond(), 1e-9);
        assertEquals(List.of(List.of(100.0, 300.0), List.of(400.0, 400.0)), both.samplesMillis());
        assertNull(both.phaseMillis());
    }

    @Test
    void shouldTakeLockstepsFiguresAsItsReportHasThem() {
        MeasurementSpec spec = MeasurementSpec.of(Strategy.ALL_REDUCE, Precision.FP32, 2, 32, 2, 2, Scaling.WEAK, 2);
        Result result = RunReports.ok(spec, 100, 300).results().get(0);

        Throughput lockstep = Throughput.ofLockstep(result);

        assertEquals(32 / 0.2, lockstep.imagesPerSecond(), 1e-9);
        assertEquals(List.of(List.of(100.0, 300.0)), lockstep.samplesMillis());
        assertEquals(result.phaseMillis(), lockstep.phaseMillis());
    }
}

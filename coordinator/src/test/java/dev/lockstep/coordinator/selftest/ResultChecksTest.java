package dev.lockstep.coordinator.selftest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.work.AmpSummary;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.coordinator.selftest.Check.Outcome;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ResultChecksTest {
    private static Result good(Precision precision, int batch, double stepMillis) {
        return GpuResults.good(Strategy.DATA_PARALLEL, precision, 1, batch, stepMillis, "none");
    }

    private static Result fp32(double loss, double peakMiB, String kind, boolean tf32) {
        return GpuResults.of(Precision.FP32, 32, loss, new ReplicaSummary("0badcafe", peakMiB, kind, null, tf32));
    }

    private static Result amp(AmpSummary amp) {
        return GpuResults.of(
                Precision.AMP, 32, 3, new ReplicaSummary("0badcafe", 2810.0, "peak-allocated", amp, false));
    }

    private static List<String> failed(List<Check> checks) {
        return checks.stream()
                .filter(Check::isFailed)
                .map(check -> check.what() + " = " + check.found())
                .toList();
    }

    private static List<String> failed(Result result) {
        return failed(ResultChecks.ofSteps(result, true));
    }

    @Test
    void shouldFindNothingWrongWithWhatIsRight() {
        assertEquals(
                List.of("fp32, batch 32", "fp32, batch 32: step", "fp32, batch 32: TF32", "fp32, batch 32: memory"),
                ResultChecks.ofSteps(good(Precision.FP32, 32, 100), true).stream()
                        .map(Check::what)
                        .toList());
        for (Precision precision : Precision.values()) {
            assertEquals(List.of(), failed(good(precision, 32, 100)), precision::label);
            assertEquals(List.of(), failed(good(precision, 128, 100)), precision::label);
        }
    }

    @Test
    void shouldSayWhyNothingWasMeasured() {
        assertEquals(
                List.of("amp, batch 128 = failed: cuda:0 is lost"),
                failed(GpuResults.failed(Precision.AMP, 128, "cuda:0 is lost")));
    }

    @Test
    void shouldNoticeALossThatIsNoNumber() {
        assertEquals(List.of("fp32, batch 32 = loss NaN"), failed(fp32(Double.NaN, 5467, "peak-allocated", true)));
    }

    @Test
    void shouldNoticeTf32ThatIsNotAsItMustBe() {
        assertEquals(List.of("fp32, batch 32: TF32 = off"), failed(fp32(3, 5467, "peak-allocated", false)));
        assertEquals(
                List.of("fp32, batch 32: TF32 = on"),
                failed(ResultChecks.ofArithmetic(good(Precision.FP32, 32, 100), false)));
        Result strict = GpuResults.of(
                Precision.FP32_STRICT, 8, 3, new ReplicaSummary("0badcafe", 100.0, "peak-allocated", null, true));
        assertEquals(List.of("fp32-strict, batch 8: TF32 = on"), failed(ResultChecks.ofArithmetic(strict, true)));
    }

    @Test
    void shouldHoldThePeakAgainstTheKnownOne() {
        assertEquals(List.of(), failed(fp32(3, 5467 * 1.049, "peak-allocated", true)));
        assertEquals(
                List.of("fp32, batch 32: memory = 5746 MiB peak-allocated, +5.1 %"),
                failed(fp32(3, 5467 * 1.051, "peak-allocated", true)));
        assertEquals(
                List.of("fp32, batch 32: memory = 5188 MiB peak-allocated, -5.1 %"),
                failed(fp32(3, 5467 * 0.949, "peak-allocated", true)));
        assertEquals(
                List.of("fp32, batch 32: memory = 5467 MiB device-used, +0.0 %"),
                failed(fp32(3, 5467, "device-used", true)));
    }

    @Test
    void shouldNoticeAutocastAndScalerThatDoNotWork() {
        assertEquals(List.of("amp, batch 32: autocast = none", "amp, batch 32: GradScaler = none"), failed(amp(null)));
        assertEquals(
                List.of("amp, batch 32: autocast = bfloat16", "amp, batch 32: GradScaler = none"),
                failed(amp(new AmpSummary("bfloat16", null, 0))));
        assertEquals(
                List.of("amp, batch 32: GradScaler = scale 1024, 7 skipped"),
                failed(amp(new AmpSummary("float16", 1024.0, 7))));
        assertEquals(
                List.of("amp, batch 32: GradScaler = scale Infinity, 0 skipped"),
                failed(amp(new AmpSummary("float16", Double.POSITIVE_INFINITY, 0))));
    }

    @Test
    void shouldNoticeAnotherCollective() {
        Result staged = GpuResults.good(Strategy.ALL_REDUCE, Precision.FP32, 2, 8, 100, "staged");
        assertEquals(List.of(), failed(ResultChecks.ofCollective(staged, "staged")));
        assertEquals(
                List.of("fp32, batch 8, 2 replicas, all-reduce: collective = staged"),
                failed(ResultChecks.ofCollective(staged, "nccl")));
    }

    @Test
    void shouldCallMixedPrecisionThatDoesNotPayAMissedGoal() {
        Result full = good(Precision.FP32, 128, 150);
        assertEquals(
                Optional.of(new Check("amp over fp32, batch 128", "1.50 times", "at least 1.5 times", Outcome.MET)),
                ResultChecks.ampGoal(List.of(good(Precision.AMP, 32, 500), full, good(Precision.AMP, 128, 100))));
        Check missed = ResultChecks.ampGoal(List.of(full, good(Precision.AMP, 128, 120)))
                .orElseThrow();
        assertEquals(Outcome.MISSED, missed.outcome());
        assertEquals(
                Optional.empty(),
                ResultChecks.ampGoal(List.of(full, GpuResults.failed(Precision.AMP, 128, "cuda:0 is lost"))));
    }
}

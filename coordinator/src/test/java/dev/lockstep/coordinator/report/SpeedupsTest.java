package dev.lockstep.coordinator.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Scaling;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Provenance;
import dev.lockstep.common.report.Provenance.Round;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.ResultStatus;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SpeedupsTest {
    private static final double ROUNDING = 1e-9;

    @Test
    void shouldCompareWithOneDeviceOfTheSameBatchPerDevice() {
        List<Result> results = Speedups.fill(List.of(
                SampleMeasurement.dataParallel(1, 32, 100).result(),
                SampleMeasurement.dataParallel(2, 64, 125).result()));
        assertEquals(1.0, results.get(0).speedup(), ROUNDING);
        assertEquals(1.6, results.get(1).speedup(), ROUNDING);
        assertEquals(0.8, results.get(1).efficiency(), ROUNDING);
    }

    @Test
    void shouldCompareWithTheSameGlobalBatchWhenScalingStrongly() {
        List<Result> results = Speedups.fill(List.of(
                SampleMeasurement.strong(1, 32, 100).result(),
                SampleMeasurement.strong(2, 32, 62.5).result(),
                SampleMeasurement.strong(4, 32, 50).result()));
        assertEquals(1.6, results.get(1).speedup(), ROUNDING);
        assertEquals(2.0, results.get(2).speedup(), ROUNDING);
        assertEquals(0.5, results.get(2).efficiency(), ROUNDING);
    }

    @Test
    void shouldNotMixBatchesOfAWeakPlan() {
        // By its global batch the fourth would fit the second, and by its name any of them would do.
        List<Result> results = Speedups.fill(List.of(
                SampleMeasurement.dataParallel(1, 16, 100).result(),
                SampleMeasurement.dataParallel(1, 32, 150).result(),
                SampleMeasurement.dataParallel(2, 32, 100).result(),
                SampleMeasurement.dataParallel(2, 64, 200).result()));
        assertEquals(2.0, results.get(2).speedup(), ROUNDING);
        assertEquals("data-parallel-fp32-1x16", results.get(2).provenance().baseline());
        assertEquals(1.5, results.get(3).speedup(), ROUNDING);
        assertEquals("data-parallel-fp32-1x32", results.get(3).provenance().baseline());
    }

    @Test
    void shouldNotMixBatchesOfAStrongPlan() {
        // By its batch per device the fourth would fit the first.
        List<Result> results = Speedups.fill(List.of(
                SampleMeasurement.strong(1, 16, 100).result(),
                SampleMeasurement.strong(1, 32, 150).result(),
                SampleMeasurement.strong(2, 16, 80).result(),
                SampleMeasurement.strong(2, 32, 100).result()));
        assertEquals(1.25, results.get(2).speedup(), ROUNDING);
        assertEquals("data-parallel-fp32-1x16", results.get(2).provenance().baseline());
        assertEquals(1.5, results.get(3).speedup(), ROUNDING);
        assertEquals("data-parallel-fp32-1x32", results.get(3).provenance().baseline());
    }

    @Test
    void shouldTakeSpeedupsRoundByRoundSoThatADriftCancels() {
        // The machine slows down by a tenth with each measurement: one, two; two, one. Means over all would have it at
        // 1.99.
        Result one = inRounds(
                SampleMeasurement.dataParallel(1, 32, 100, 100 * 1.1 * 1.1 * 1.1)
                        .result(),
                320,
                320 / 1.331);
        Result two = inRounds(SampleMeasurement.dataParallel(2, 64, 110, 121).result(), 640 / 1.1, 640 / 1.21);
        Result filled = Speedups.fill(List.of(one, two)).get(1);
        assertEquals(2.0, filled.speedup(), ROUNDING);
        assertEquals(1.0, filled.efficiency(), ROUNDING);
        assertEquals(2 / 1.1, filled.provenance().rounds().get(0).speedup(), ROUNDING);
        assertEquals(2 * 1.1, filled.provenance().rounds().get(1).speedup(), ROUNDING);
        assertEquals(2 / 1.1, filled.provenance().speedupRange().min(), ROUNDING);
        assertEquals(2 * 1.1, filled.provenance().speedupRange().max(), ROUNDING);
    }

    @Test
    void shouldCompareOnlyRoundsThatBothHave() {
        Result one = inRounds(SampleMeasurement.dataParallel(1, 32, 100).result(), 320);
        Result two = inRounds(SampleMeasurement.dataParallel(2, 64, 100, 100).result(), 480, 640);
        Result filled = Speedups.fill(List.of(one, two)).get(1);
        assertEquals(1.5, filled.speedup(), ROUNDING);
        assertNull(filled.provenance().rounds().get(1).speedup());
    }

    @Test
    void shouldPreferABaselineOfTheSameStrategy() {
        Result torch = SampleMeasurement.dataParallel(1, 32, 100).result();
        Result allReduce = SampleMeasurement.of(Strategy.ALL_REDUCE, Precision.FP32, 1, 32, 80)
                .result();
        Result two = SampleMeasurement.of(Strategy.ALL_REDUCE, Precision.FP32, 2, 64, 80)
                .result();
        assertEquals(2.0, Speedups.fill(List.of(torch, allReduce, two)).get(2).speedup(), ROUNDING);
        assertEquals(2.5, Speedups.fill(List.of(torch, two)).get(1).speedup(), ROUNDING);
    }

    @Test
    void shouldHaveNoSpeedupWithoutABaseline() {
        Result otherPrecision = SampleMeasurement.of(Strategy.DATA_PARALLEL, Precision.AMP, 1, 32, 100)
                .result();
        Result failedBaseline = failed(SampleMeasurement.dataParallel(1, 32, 100));
        Result two = SampleMeasurement.dataParallel(2, 64, 125).result();
        Result alone =
                Speedups.fill(List.of(otherPrecision, failedBaseline, two)).get(2);
        assertNull(alone.speedup());
        assertNull(alone.efficiency());
    }

    private static Result failed(SampleMeasurement sample) {
        return Results.notOk(
                sample.spec,
                sample.deviceIds,
                "shared-memory",
                ResultStatus.FAILED,
                new Failure(FailureCategory.WORKER_DIED, "worker cpu:1 was killed"));
    }

    private static Result inRounds(Result result, double... imagesPerSecond) {
        List<Round> rounds = new ArrayList<>();
        for (double figure : imagesPerSecond) {
            rounds.add(new Round(rounds.size() + 1, Instant.EPOCH, 1, 100.0, figure, null, null));
        }
        return result.withProvenance(new Provenance(Scaling.WEAK, null, 2, rounds, null, null, List.of()));
    }
}

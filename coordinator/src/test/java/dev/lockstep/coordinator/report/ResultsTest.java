package dev.lockstep.coordinator.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.Result.StepMillis;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.common.work.ReplicaSummary;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class ResultsTest {
    private static final double ROUNDING = 1e-9;

    @Test
    void shouldDescribeTheDistributionOfSteps() {
        StepMillis step = SampleMeasurement.dataParallel(1, 8, 10, 40, 20, 50, 30)
                .result()
                .stepMillis();
        // By hand: percentile p of five sorted samples lies at index 4p between neighbours.
        assertEquals(30, step.mean(), ROUNDING);
        assertEquals(30, step.median(), ROUNDING);
        assertEquals(12, step.p5(), ROUNDING);
        assertEquals(48, step.p95(), ROUNDING);
        assertEquals(49.6, step.p99(), ROUNDING);
        assertEquals(Math.sqrt(250), step.stddev(), ROUNDING);
        assertEquals(10, step.min());
        assertEquals(50, step.max());
    }

    @Test
    void shouldKeepEveryStepInOrder() {
        assertEquals(
                List.of(10.0, 40.0, 20.0),
                SampleMeasurement.dataParallel(1, 8, 10, 40, 20).result().samplesMillis());
    }

    @Test
    void shouldLeaveTheSpreadOfASingleStepOpen() {
        assertNull(
                SampleMeasurement.dataParallel(1, 8, 10).result().stepMillis().stddev());
    }

    @Test
    void shouldCountTheImagesThatWereScatteredOverTheMeanStep() {
        Result result = SampleMeasurement.dataParallel(4, 10, 150, 250).result();
        assertEquals(List.of(3, 3, 3, 1), result.chunks());
        assertEquals(10, result.imagesPerStep());
        assertEquals(10 / 0.2, result.imagesPerSecond(), ROUNDING);
    }

    @Test
    void shouldMakeThePhasesAddUpToTheStep() {
        Result result = SampleMeasurement.dataParallel(2, 8, 100, 300).result();
        double sum = Arrays.stream(Phase.values())
                .mapToDouble(phase -> phase.millis(result.phaseMillis()))
                .sum();
        assertEquals(200, sum, ROUNDING);
        assertEquals(100, result.phaseMillis().backward(), ROUNDING);
        assertEquals(2, result.phaseMillis().other(), ROUNDING);
    }

    @Test
    void shouldReportTheWaitOfEveryRankIdleOnesToo() {
        Result result = SampleMeasurement.dataParallel(4, 5, 100, 100).result();
        assertEquals(List.of(2, 2, 1), result.chunks());
        assertEquals(List.of(0.0, 5.0, 10.0, 15.0), result.waitMillis().perDevice());
    }

    @Test
    void shouldTakeTheLastLossAndTheChecksumOfReplicaZero() {
        Result result = SampleMeasurement.dataParallel(2, 8, 100, 100, 100).result();
        assertEquals(3.48, result.finalLoss(), ROUNDING);
        assertEquals("0badcafe", result.parameterChecksum());
    }

    @Test
    void shouldReportTheFullestDevicesMemoryAndKeepWhatWasNotMeasuredOpen() {
        SampleMeasurement sample = SampleMeasurement.dataParallel(2, 8, 100);
        sample.summaries.set(0, new ReplicaSummary("0badcafe", null, null, null, false));
        Result result = sample.result();
        assertEquals(Arrays.asList(null, 1499.0), result.memoryMiB().perDevice());
        assertEquals(1499, result.memoryMiB().max());
        assertEquals("peak-resident", result.memoryMiB().kind());

        sample.summaries.set(1, new ReplicaSummary("0badcafe", null, null, null, false));
        assertNull(sample.result().memoryMiB());
    }

    @Test
    void shouldReportHostAndGpuTimesWhereThereAreGpus() {
        Result result =
                SampleMeasurement.dataParallel(2, 8, 100, 100).onGpus(30, 80).result();
        assertEquals(new Result.GpuTime(30, 80, Result.Bound.GPU), result.gpuTime());
        assertEquals("peak-allocated", result.memoryMiB().kind());
        assertEquals(List.of(2000.0, 2000.0), result.memoryMiB().deviceUsed());
        assertEquals(
                Result.Bound.LAUNCH,
                SampleMeasurement.dataParallel(1, 8, 100)
                        .onGpus(72, 80)
                        .result()
                        .gpuTime()
                        .bound());

        Result onCpus = SampleMeasurement.dataParallel(2, 8, 100).result();
        assertNull(onCpus.gpuTime());
        assertNull(onCpus.memoryMiB().deviceUsed());
    }

    @Test
    void shouldRefuseAMeasurementThatLacksSteps() {
        SampleMeasurement sample = SampleMeasurement.dataParallel(2, 8, 100, 100);
        sample.stepsByRank.set(1, sample.stepsByRank.get(1).subList(0, 1));
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, sample::result);
        assertEquals(
                "data-parallel-fp32-2x4: expected 2 measured steps of each of 2 ranks, got [2, 1]",
                refusal.getMessage());
    }

    @Test
    void shouldLeaveEveryFigureOfAFailureOpen() {
        Result result = failed(SampleMeasurement.dataParallel(2, 8, 100));
        assertEquals(ResultStatus.FAILED, result.status());
        assertEquals("worker cpu:1 was killed", result.error().message());
        assertNull(result.stepMillis());
        assertNull(result.imagesPerSecond());
        assertNull(result.memoryMiB());
    }

    private static Result failed(SampleMeasurement sample) {
        return Results.notOk(
                sample.spec,
                sample.deviceIds,
                "shared-memory",
                ResultStatus.FAILED,
                new Failure(FailureCategory.WORKER_DIED, "worker cpu:1 was killed"));
    }
}

package dev.lockstep.coordinator.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.lockstep.common.report.Quality;
import dev.lockstep.common.report.Quality.Disturbance;
import dev.lockstep.common.report.Quality.WarmUp;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.work.ReplicaSummary;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class RoundsTogetherTest {
    private static final double ROUNDING = 1e-9;

    @Test
    void shouldHaveTheStepsOfAllRoundsInOrderAndFiguresOverAllOfThem() {
        SampleMeasurement first = SampleMeasurement.dataParallel(2, 8, 10, 20);
        SampleMeasurement second = SampleMeasurement.dataParallel(2, 8, 40, 50);
        Result together = RoundsTogether.of(List.of(first.result(), second.result()));
        assertEquals(List.of(10.0, 20.0, 40.0, 50.0), together.samplesMillis());
        assertEquals(30, together.stepMillis().mean(), ROUNDING);
        assertEquals(8 / 0.03, together.imagesPerSecond(), ROUNDING);
        assertEquals(4, together.steps());
        assertEquals(4, together.warmupSteps(), "of both rounds");
        assertEquals(15, together.phaseMillis().backward(), ROUNDING);
        assertEquals(1.5, together.waitMillis().perDevice().get(1), ROUNDING);
        assertEquals(30, phaseSum(together), ROUNDING);
        assertEquals("data-parallel-fp32-2x4", together.id());
        assertNull(together.dataWaitMillis());
    }

    @Test
    void shouldJudgeTheQualityOfAllRounds() {
        SampleMeasurement first = SampleMeasurement.dataParallel(1, 8, 100, 101, 99);
        SampleMeasurement second = SampleMeasurement.dataParallel(1, 8, 100, 400, 101);
        first.warmUp = new WarmUp(7, 3, 15, true);
        second.warmUp = new WarmUp(15, 3, 15, false);
        first.disturbances = List.of("It swapped.", "It was hot.");
        second.disturbances = List.of("It was hot.");
        Result together = RoundsTogether.of(List.of(first.result(), second.result()));
        Quality quality = together.quality();
        assertEquals(new WarmUp(22, 6, 30, false), quality.warmup());
        assertEquals(22, together.warmupSteps());
        assertEquals(List.of(4), quality.outliers().samples());
        assertEquals(MeanInterval.of(together.samplesMillis()), quality.stepMillisInterval());
        assertEquals(
                List.of("It swapped.", "It was hot."), quality.disturbance().notes());
        assertEquals(together.quality(), Speedups.fill(List.of(together)).get(0).quality());
    }

    @Test
    void shouldAddUpWhatRoundsWereWatched() {
        Disturbance first = new Disturbance(List.of(), 10, 2, 0.5, 1.0, 0.0, 1.0, 1L, 3000.0, 2900.0, 4.0, 0.0, 3);
        Disturbance second = new Disturbance(List.of(), 30, 2, 0.1, 0.2, null, 2.0, 2L, 3100.0, 2800.0, 5.0, 0.0, 2);
        Disturbance expected = new Disturbance(List.of(), 40, 2, 0.2, 1.0, null, 3.0, 3L, 3000.0, 2800.0, 9.0, 0.0, 3);
        assertEquals(expected, QualityTogether.disturbance(List.of(first, second)));
        assertEquals(second, QualityTogether.disturbance(Arrays.asList(null, second)));
        assertNull(QualityTogether.disturbance(Arrays.asList(null, null)));
    }

    @Test
    void shouldNotSayWhetherItWasSteadyWhereARoundCannotTell() {
        WarmUp steady = new WarmUp(7, 3, 15, true);
        WarmUp open = new WarmUp(3, 3, 3, null);
        assertEquals(true, QualityTogether.warmUp(List.of(steady, steady)).steady());
        assertNull(QualityTogether.warmUp(List.of(steady, open)).steady());
    }

    @Test
    void shouldKeepThePeakOfAllRoundsAndTheEndOfTheLast() {
        SampleMeasurement first = SampleMeasurement.dataParallel(2, 8, 10, 20);
        SampleMeasurement second = SampleMeasurement.dataParallel(2, 8, 10, 20);
        first.summaries.set(0, new ReplicaSummary("0badcafe", 900.0, "peak-resident", null, false));
        second.summaries.set(0, new ReplicaSummary("00c0ffee", 800.0, "peak-resident", null, false));
        second.summaries.set(1, new ReplicaSummary("00c0ffee", 950.0, "peak-resident", null, false));
        first.dataWaitMillis = 2.0;
        second.dataWaitMillis = 4.0;
        Result together = RoundsTogether.of(List.of(first.result(), second.result()));
        assertEquals(List.of(900.0, 1499.0), together.memoryMiB().perDevice());
        assertEquals("00c0ffee", together.parameterChecksum());
        assertEquals(3.0, together.dataWaitMillis(), ROUNDING);
    }

    @Test
    void shouldBeThatRoundWhereThereIsOne() {
        Result one = SampleMeasurement.dataParallel(2, 8, 10, 20).onGpus(5, 9).result();
        assertEquals(one, RoundsTogether.of(List.of(one)));
    }

    @Test
    void shouldHaveTheMemoryOfTheRoundsThatCouldTell() {
        SampleMeasurement silent = SampleMeasurement.dataParallel(1, 8, 10, 20);
        silent.summaries.set(0, new ReplicaSummary("0badcafe", null, null, null, false));
        Result telling = SampleMeasurement.dataParallel(1, 8, 10, 20).result();
        assertEquals(
                telling.memoryMiB(),
                RoundsTogether.of(List.of(telling, silent.result())).memoryMiB());
        assertNull(RoundsTogether.of(List.of(silent.result(), silent.result())).memoryMiB());
    }

    @Test
    void shouldTakeGpusTogether() {
        Result first = SampleMeasurement.dataParallel(1, 8, 100).onGpus(70, 80).result();
        Result second = SampleMeasurement.dataParallel(1, 8, 100).onGpus(80, 84).result();
        Result together = RoundsTogether.of(List.of(first, second));
        assertEquals(new Result.GpuTime(75, 82, Result.Bound.LAUNCH), together.gpuTime());
        assertEquals(List.of(2000.0), together.memoryMiB().deviceUsed());
        Result onCpu = SampleMeasurement.dataParallel(1, 8, 100).result();
        assertNull(RoundsTogether.of(List.of(onCpu, onCpu)).gpuTime());
    }

    private static double phaseSum(Result result) {
        return Arrays.stream(Phase.values())
                .mapToDouble(phase -> phase.millis(result.phaseMillis()))
                .sum();
    }
}

package dev.lockstep.coordinator.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Observation;
import dev.lockstep.common.report.Quality;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.work.PhaseNanos;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StepReport;
import java.util.List;
import org.junit.jupiter.api.Test;

class ObservationsTest {
    @Test
    void shouldSayHowThroughputScaledAndNameItsEvidence() {
        Observation observation = only(
                "From 1 to",
                SampleMeasurement.dataParallel(1, 32, 100, 101, 99),
                SampleMeasurement.dataParallel(2, 64, 124, 125, 126),
                SampleMeasurement.dataParallel(4, 128, 159, 160, 161));
        assertEquals(
                "From 1 to 4 devices, throughput with fp32, data-parallel went from 320.00 to 800.00 images/s: 2.50x, an efficiency of 62.5 %.",
                observation.text());
        assertEquals(List.of("data-parallel-fp32-1x32", "data-parallel-fp32-4x32"), observation.evidence());
    }

    @Test
    void shouldClaimNoChangeWithinTheNoise() {
        // Twice the work in just under twice the time, and steps that scatter by a tenth: nothing to conclude.
        assertTrue(only(
                        "From 1 to",
                        SampleMeasurement.dataParallel(1, 32, 90, 110, 100),
                        SampleMeasurement.dataParallel(2, 64, 177, 213, 195))
                .text()
                .endsWith("no change beyond the noise."));
    }

    @Test
    void shouldNotJudgeBySingleSteps() {
        List<Observation> observations =
                of(SampleMeasurement.dataParallel(1, 32, 100), SampleMeasurement.dataParallel(2, 64, 150));
        assertTrue(matching(observations, "From 1 to").get(0).text().endsWith("no change beyond the noise."));
        assertEquals(List.of(), matching(observations, "grew most"));
    }

    @Test
    void shouldNameThePhaseThatGrewMost() {
        assertEquals(
                "With fp32, data-parallel, the time that grew most on replica 0 is backward: from 50.00 ms on 1 device to 100.00 ms on 2, waits at barriers included.",
                only(
                                "grew most",
                                SampleMeasurement.dataParallel(1, 32, 100, 101, 99),
                                SampleMeasurement.dataParallel(2, 64, 200, 201, 199))
                        .text());
    }

    @Test
    void shouldNameTheLargestPartOfTheStepOnMostDevices() {
        assertEquals(
                "The largest part of a step of data-parallel-fp32-2x32 on replica 0 is backward: 100.00 ms, 50.0 % of the step.",
                only(
                                "The largest part",
                                SampleMeasurement.dataParallel(1, 32, 100),
                                SampleMeasurement.dataParallel(2, 64, 200))
                        .text());
    }

    @Test
    void shouldNameTheLargestPartOnceForAllThatHaveItInCommon() {
        List<Observation> largest = matching(
                of(
                        SampleMeasurement.dataParallel(2, 64, 200),
                        SampleMeasurement.of(Strategy.DATA_PARALLEL, Precision.AMP, 2, 64, 100)
                                .withPasses(0.2, 0.6),
                        SampleMeasurement.of(Strategy.ALL_REDUCE, Precision.FP32, 2, 64, 100)
                                .withPasses(0.5, 0.3)),
                "The largest part");
        assertEquals(
                List.of(
                        "The largest part of a step on replica 0 is backward in 2 configurations, from 50.0 % of the step (data-parallel-fp32-2x32) to 60.0 % (data-parallel-amp-2x32).",
                        "The largest part of a step of all-reduce-fp32-2x32 on replica 0 is forward: 50.00 ms, 50.0 % of the step."),
                largest.stream().map(Observation::text).toList());
        assertEquals(
                List.of("data-parallel-fp32-2x32", "data-parallel-amp-2x32"),
                largest.get(0).evidence());
    }

    @Test
    void shouldCompareMixedWithFullPrecision() {
        SampleMeasurement full = SampleMeasurement.dataParallel(1, 32, 100, 101, 99);
        SampleMeasurement mixed = SampleMeasurement.of(Strategy.DATA_PARALLEL, Precision.AMP, 1, 32, 80, 81, 79);
        mixed.summaries.set(0, new ReplicaSummary("0badcafe", 750.0, "peak-resident", null, false));
        Observation observation = only("a step with amp", full, mixed);
        assertEquals(
                "On 1 device, a step with amp, data-parallel took 80.00 ms against 100.00 ms with fp32, data-parallel (20.0 % less); the fullest device used 750.0 MiB against 1500.0 MiB (50.0 % less).",
                observation.text());
        assertEquals(List.of("data-parallel-fp32-1x32", "data-parallel-amp-1x32"), observation.evidence());
    }

    @Test
    void shouldCompareStrategiesOnlyWhereTheyDidTheSameWork() {
        SampleMeasurement torch = SampleMeasurement.dataParallel(2, 64, 200, 201, 199);
        SampleMeasurement same = SampleMeasurement.of(Strategy.ALL_REDUCE, Precision.FP32, 2, 64, 100, 101, 99);
        SampleMeasurement other = SampleMeasurement.of(Strategy.ALL_REDUCE, Precision.FP32, 2, 32, 60, 61, 59);
        assertTrue(only("a step with fp32, all-reduce", torch, same).text().contains("(50.0 % less)"));
        assertEquals(List.of(), matching(of(torch, other), "a step with fp32, all-reduce"));
    }

    @Test
    void shouldNameRanksThatWaitUnevenlyButNotIdleOnes() {
        SampleMeasurement uneven = SampleMeasurement.dataParallel(4, 5, 100, 100);
        Observation observation = only("waited", uneven);
        assertEquals(
                "In data-parallel-fp32-4x2, rank 2 waited 10.00 ms a step at barriers and rank 0 0.00 ms, of a step of 100.00 ms.",
                observation.text());
        assertEquals(
                "In data-parallel-fp32-4x2, 1 of 4 devices had no samples: the batch of 5 splits into 3 chunks.",
                only("had no samples", uneven).text());
    }

    @Test
    void shouldMentionWaitingForDataFromOnePercentOfTheStep() {
        SampleMeasurement sample = SampleMeasurement.dataParallel(1, 8, 100, 100);
        sample.dataWaitMillis = 0.9;
        assertEquals(List.of(), matching(of(sample), "for its images"));
        sample.dataWaitMillis = 25.0;
        assertTrue(only("for its images", sample).text().contains("waited 25.00 ms for its images, 25.0 %"));
    }

    @Test
    void shouldWarnOfWideScatterAndOfDivergence() {
        assertTrue(only("scatter widely", SampleMeasurement.dataParallel(1, 8, 100, 150, 50))
                .text()
                .contains("50.0 % of the mean"));
        assertEquals(List.of(), matching(of(SampleMeasurement.dataParallel(1, 8, 100, 101)), "scatter widely"));

        SampleMeasurement diverged = SampleMeasurement.dataParallel(1, 8, 100);
        PhaseNanos none = new PhaseNanos(0, 0, 0, 0, 0, 0, 0, 0);
        diverged.stepsByRank.set(0, List.of(new StepReport(2, 100_000_000, none, 0, Double.NaN)));
        assertTrue(only("diverged", diverged).text().contains("NaN"));
    }

    @Test
    void shouldSayWhetherAStepWaitsForTheHostOrForTheGpu() {
        assertEquals(
                "A step of data-parallel-fp32-1x8 is launch-bound: the host took 90.00 ms to launch its work, the GPU was done"
                        + " with it after 100.00 ms. Faster arithmetic would not shorten it; more images a step would cost"
                        + " little time.",
                only("-bound", SampleMeasurement.dataParallel(1, 8, 101).onGpus(90, 100))
                        .text());
        assertEquals(
                "A step of data-parallel-fp32-1x8 is GPU-bound: the GPU took 100.00 ms for its work, the host 20.00 ms to"
                        + " launch it.",
                only("-bound", SampleMeasurement.dataParallel(1, 8, 101).onGpus(20, 100))
                        .text());
        assertEquals(List.of(), matching(of(SampleMeasurement.dataParallel(1, 8, 101)), "-bound"));
    }

    @Test
    void shouldNameTheOptionWhereALaunchBoundStepWasNotRecorded() {
        String option = " With --cuda-graphs false, the host launched every operator of every step.";
        Result launchBound =
                SampleMeasurement.dataParallel(1, 8, 101).onGpus(90, 100).result();
        String recorded = bound(launchBound, true);
        assertFalse(recorded.contains("--cuda-graphs"), recorded);
        assertEquals(recorded + option, bound(launchBound, false));
        Result gpuBound =
                SampleMeasurement.dataParallel(1, 8, 101).onGpus(20, 100).result();
        assertEquals(bound(gpuBound, true), bound(gpuBound, false));
        Result onCpu = SampleMeasurement.dataParallel(1, 8, 101).result();
        assertEquals(List.of(), matching(Observations.of(List.of(onCpu), false), "--cuda-graphs"));
    }

    private static String bound(Result result, boolean cudaGraphs) {
        List<Observation> found = matching(Observations.of(List.of(result), cudaGraphs), "-bound");
        assertEquals(1, found.size(), found::toString);
        return found.get(0).text();
    }

    @Test
    void shouldSayFirstThatTheMachineWasDisturbed() {
        SampleMeasurement quiet = SampleMeasurement.dataParallel(1, 8, 100, 101);
        SampleMeasurement loaded = SampleMeasurement.dataParallel(2, 16, 100, 101);
        loaded.disturbances = List.of("Other processes used 0.50 of 2 processors.", "The machine swapped.");
        Observation first = of(quiet, loaded).get(0);
        assertEquals(
                "The machine was disturbed, and steps may have taken longer for it. During data-parallel-fp32-2x8: Other processes used 0.50 of 2 processors. The machine swapped.",
                first.text());
        assertEquals(List.of("data-parallel-fp32-2x8"), first.evidence());
        assertEquals(List.of(), matching(of(quiet), "disturbed"));
    }

    @Test
    void shouldSayThatAWarmUpWasTooShortToBeSteady() {
        SampleMeasurement sample = SampleMeasurement.dataParallel(1, 8, 100, 101);
        sample.warmUp = new Quality.WarmUp(15, 3, 15, false);
        assertTrue(only("not steady yet", sample)
                .text()
                .contains("of data-parallel-fp32-1x8 was not steady yet when its warm-up ended after 15 steps"));
        sample.warmUp = new Quality.WarmUp(2, 2, 2, null);
        assertEquals(List.of(), matching(of(sample), "not steady yet"));
    }

    @Test
    void shouldTakeOutliersForChanceInsteadOfForADifference() {
        // One bad step in ten moves a mean by 9 %, and its interval with it.
        assertTrue(only(
                        "From 1 to",
                        SampleMeasurement.dataParallel(1, 32, 100, 101, 99, 100, 101, 99, 100, 101, 99, 100),
                        SampleMeasurement.dataParallel(2, 64, 200, 201, 199, 200, 380, 199, 200, 201, 199, 200))
                .text()
                .endsWith("no change beyond the noise."));
    }

    @Test
    void shouldSayNothingOfNothing() {
        assertEquals(List.of(), Observations.of(List.of(), true));
    }

    private static Observation only(String part, SampleMeasurement... samples) {
        List<Observation> matching = matching(of(samples), part);
        assertEquals(1, matching.size(), () -> "about '" + part + "': " + matching);
        return matching.get(0);
    }

    private static List<Observation> matching(List<Observation> observations, String part) {
        return observations.stream()
                .filter(observation -> observation.text().contains(part))
                .toList();
    }

    private static List<Observation> of(SampleMeasurement... samples) {
        List<Result> results =
                List.of(samples).stream().map(SampleMeasurement::result).toList();
        return Observations.of(Speedups.fill(results), true);
    }
}

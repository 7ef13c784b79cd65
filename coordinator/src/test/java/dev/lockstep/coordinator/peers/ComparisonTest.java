package dev.lockstep.coordinator.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Peer;
import dev.lockstep.common.report.Peer.Setup;
import dev.lockstep.common.report.Provenance;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.common.report.RunStatus;
import dev.lockstep.coordinator.peers.PeerOutcome.Measured;
import dev.lockstep.coordinator.peers.PeerOutcome.NotMeasured;
import dev.lockstep.coordinator.report.RunReports;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ComparisonTest {
    private static final Python PYTHON = new Python("/usr/bin/python3", "3.11.2", "2.6.0", "0.21.0", null);
    private static final String SINGLE = "torch-single-fp32-1x5";
    private static final String DISTRIBUTED = "torch-DistributedDataParallel-fp32-2x3";
    private static final List<Contest> CONTESTS = Contest.of(
            Specs.plan(List.of(1, 2), List.of(Strategy.DATA_PARALLEL, Strategy.ALL_REDUCE), Precision.FP32),
            false,
            Specs.MEMORY_FORMATS);

    private final List<String> order = new ArrayList<>();
    private final List<Integer> reported = new ArrayList<>();
    private Map<String, List<double[]>> lockstepMillis = Map.of();
    private Map<String, List<double[]>> peerMillis = Map.of();
    private String failingOf = "";
    private String failingPeer = "";
    private int failingFromRound = 1;
    private long parameters = RunReports.PARAMETERS;

    @Test
    void shouldAlternateWhoGoesFirst() {
        run(2);
        assertEquals(
                List.of(
                        "data-parallel-fp32-1x5",
                        SINGLE,
                        "data-parallel-fp32-2x3",
                        "all-reduce-fp32-2x3",
                        DISTRIBUTED,
                        SINGLE,
                        "data-parallel-fp32-1x5",
                        DISTRIBUTED,
                        "data-parallel-fp32-2x3",
                        "all-reduce-fp32-2x3"),
                order);
        assertEquals(List.of(2, 5, 7, 10), reported);
    }

    @Test
    void shouldTakeTheRatioRoundByRound() {
        // Both slow down to half between the rounds, as on a machine that got hot: the ratio stays 2.
        lockstepMillis = Map.of("data-parallel-fp32-1x5", List.of(ms(100), ms(200), ms(150)));
        peerMillis = Map.of(SINGLE, List.of(ms(200), ms(400), ms(330)));
        Comparison comparison = run(3);
        Peer single = peer(comparison, SINGLE);
        assertEquals(
                List.of(2.0, 2.0, 2.2),
                single.ratio().byRound().stream().map(ComparisonTest::rounded).toList());
        assertEquals(2.0, single.ratio().median(), 0.02);
        assertEquals(single.ratio().byRound().get(0), single.ratio().min());
        assertEquals(single.ratio().byRound().get(2), single.ratio().max());
        assertEquals(3, single.rounds());
        assertEquals(List.of(200.0, 202.0, 400.0, 402.0, 330.0, 332.0), single.samplesMillis());
        assertEquals(5 * 1000.0 / 311, single.imagesPerSecond(), 1e-9);
        assertEquals("PyTorch 2.6.0 on one device, channels-last", single.program());
        assertEquals(700.5, single.memoryMiB().max());
        assertEquals("data-parallel-fp32-1x5", single.of());
    }

    @Test
    void shouldTakeTheMiddleOfAnEvenNumberOfRounds() {
        lockstepMillis = Map.of("data-parallel-fp32-1x5", List.of(ms(100), ms(100)));
        peerMillis = Map.of(SINGLE, List.of(ms(300), ms(100)));
        assertEquals(2.0, peer(run(2), SINGLE).ratio().median(), 0.02);
    }

    @Test
    void shouldPutAllRoundsOfLockstepIntoOneRow() {
        lockstepMillis = Map.of("data-parallel-fp32-1x5", List.of(ms(100), ms(200)));
        Comparison comparison = run(2);
        List<Result> results = comparison.results();
        assertEquals(
                List.of("data-parallel-fp32-1x5", "data-parallel-fp32-2x3", "all-reduce-fp32-2x3"),
                results.stream().map(Result::id).toList());
        Result one = results.get(0);
        assertEquals(List.of(100.0, 102.0, 200.0, 202.0), one.samplesMillis());
        assertEquals(4, one.steps());
        assertEquals(4, one.warmupSteps(), "of both rounds");
        assertEquals(
                List.of(1, 2),
                one.provenance().rounds().stream().map(Provenance.Round::number).toList());
        assertEquals(151.0, one.stepMillis().mean(), 1e-9);
        assertEquals(5 * 1000.0 / 151, one.imagesPerSecond(), 1e-9);
        assertEquals(1.0, one.speedup(), 1e-9);
        assertEquals(151.0, phaseSum(one), 1e-6);
        assertEquals(RunStatus.COMPLETED, comparison.status());
    }

    @Test
    void shouldHaveARowForEachStrategyThatAPeerIsComparedWith() {
        assertEquals(
                List.of("data-parallel-fp32-1x5", "data-parallel-fp32-2x3", "all-reduce-fp32-2x3"),
                run(1).peers(PYTHON).stream().map(Peer::of).toList());
    }

    @Test
    void shouldNotRepeatWhatHasFailed() {
        failingOf = "all-reduce-fp32-2x3";
        failingPeer = SINGLE;
        Comparison comparison = run(3);
        assertEquals(1, order.stream().filter(SINGLE::equals).count());
        assertEquals(1, order.stream().filter(failingOf::equals).count());
        Peer single = peer(comparison, SINGLE);
        assertEquals(ResultStatus.SKIPPED, single.status());
        assertEquals("no such precision", single.error().message());
        assertEquals(0, single.rounds());
        assertNull(single.imagesPerSecond());
        assertNull(single.ratio());
        assertEquals(ResultStatus.FAILED, comparison.results().get(2).status());
        List<Peer> distributed = comparison.peers(PYTHON).stream()
                .filter(peer -> peer.id().equals(DISTRIBUTED))
                .toList();
        assertEquals(3, distributed.get(0).ratio().byRound().size());
        assertNull(distributed.get(1).ratio(), "Lockstep has no figure to compare with");
        assertEquals(ResultStatus.OK, distributed.get(1).status());
        assertEquals(RunStatus.PARTIAL, comparison.status());
    }

    @Test
    void shouldKeepTheRoundsBeforeAPeerFailed() {
        failingPeer = SINGLE;
        failingFromRound = 3;
        lockstepMillis = Map.of("data-parallel-fp32-1x5", List.of(ms(100), ms(200), ms(1), ms(1)));
        peerMillis = Map.of(SINGLE, List.of(ms(200), ms(600)));
        Comparison comparison = run(4);
        assertEquals(3, order.stream().filter(SINGLE::equals).count(), "it is not tried again");
        Peer single = peer(comparison, SINGLE);
        assertEquals(ResultStatus.SKIPPED, single.status());
        assertEquals(FailureCategory.ENVIRONMENT, single.error().category());
        assertEquals(
                "in round 3 (its figures are of the rounds before): no such precision",
                single.error().message());
        assertEquals(2, single.rounds());
        assertEquals(List.of(200.0, 202.0, 600.0, 602.0), single.samplesMillis());
        assertEquals(401.0, single.stepMillis().mean(), 1e-9);
        assertEquals(5 * 1000.0 / 401, single.imagesPerSecond(), 1e-9);
        assertEquals(700.5, single.memoryMiB().max());
        assertEquals(1.0, single.finalLoss());
        assertEquals(
                List.of(2.0, 3.0),
                single.ratio().byRound().stream().map(ComparisonTest::rounded).toList());
        assertEquals(4, comparison.results().get(0).provenance().rounds().size(), "Lockstep goes on");
        assertEquals(RunStatus.PARTIAL, comparison.status());
    }

    @Test
    void shouldKeepTheRatioOfTheRoundsBeforeLockstepFailed() {
        failingOf = "data-parallel-fp32-1x5";
        failingFromRound = 2;
        peerMillis = Map.of(SINGLE, List.of(ms(200), ms(600), ms(600)));
        Comparison comparison = run(3);
        assertEquals(ResultStatus.FAILED, comparison.results().get(0).status());
        Peer single = peer(comparison, SINGLE);
        assertEquals(ResultStatus.OK, single.status());
        assertEquals(3, single.rounds());
        assertEquals(
                List.of(2.0),
                single.ratio().byRound().stream().map(ComparisonTest::rounded).toList());
    }

    @Test
    void shouldRefuseFiguresOfAnotherModel() {
        parameters = 4_052_383;
        Peer single = peer(run(1), SINGLE);
        assertEquals(ResultStatus.FAILED, single.status());
        assertTrue(single.error().message().contains("not the same model"), single.error()::message);
    }

    @Test
    void shouldNotBeCompletedBeforeItsEnd() {
        List<RunStatus> states = new ArrayList<>();
        Comparison comparison = comparison(2);
        comparison.run(() -> states.add(comparison.status()));
        assertEquals(List.of(RunStatus.PARTIAL, RunStatus.PARTIAL, RunStatus.PARTIAL, RunStatus.COMPLETED), states);
    }

    private Comparison run(int rounds) {
        Comparison comparison = comparison(rounds);
        comparison.run(() -> reported.add(order.size()));
        return comparison;
    }

    private Comparison comparison(int rounds) {
        return new Comparison(CONTESTS, rounds, this::measure, this::measure);
    }

    private Report measure(MeasurementSpec spec, int round) {
        order.add(spec.id());
        return spec.id().equals(failingOf) && round >= failingFromRound
                ? RunReports.failed(spec)
                : RunReports.ok(spec, millis(lockstepMillis, spec.id(), round));
    }

    private PeerOutcome measure(PeerTask task, int round) {
        order.add(task.id());
        if (task.id().equals(failingPeer) && round >= failingFromRound) {
            return new NotMeasured(ResultStatus.SKIPPED, new Failure(FailureCategory.ENVIRONMENT, "no such precision"));
        }
        double[] millis = millis(peerMillis, task.id(), round);
        List<Double> devices = task.work().chunks().stream().map(chunk -> 700.5).toList();
        return new Measured(new PeerMeasurement(
                parameters,
                List.of(millis[0], millis[1]),
                List.of(3.0, 2.0, 1.0),
                null,
                new PeerMeasurement.Memory(devices, "peak-resident"),
                null,
                null,
                new Setup(1, null, null, null, null)));
    }

    private static double[] millis(Map<String, List<double[]>> given, String id, int round) {
        return given.containsKey(id) ? given.get(id).get(round - 1) : ms(100);
    }

    /** Two steps. */
    private static double[] ms(double first) {
        return new double[] {first, first + 2};
    }

    private static double rounded(double ratio) {
        return Math.round(ratio * 10) / 10.0;
    }

    private static double phaseSum(Result result) {
        Result.PhaseMillis phases = result.phaseMillis();
        return phases.scatter()
                + phases.replicate()
                + phases.forward()
                + phases.gather()
                + phases.loss()
                + phases.backward()
                + phases.reduce()
                + phases.optimizer()
                + phases.other();
    }

    private static Peer peer(Comparison comparison, String id) {
        return comparison.peers(PYTHON).stream()
                .filter(peer -> peer.id().equals(id))
                .findFirst()
                .orElseThrow();
    }
}

package dev.lockstep.coordinator.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.DataSpec;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OnOutOfMemory;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.BatchSweep;
import dev.lockstep.common.report.BatchTry;
import dev.lockstep.common.report.Provenance.Batch;
import dev.lockstep.common.report.Provenance.Round;
import dev.lockstep.common.report.Quality;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.common.work.CollectiveKind;
import dev.lockstep.common.work.PhaseNanos;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StepReport;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** A run's course, with measurements that end as the test says. */
class AgendaTest {
    private static final MemoryNeed MEMORY = new MemoryNeed(500.0, 400.0, 8000.0);
    private static final Failure TOO_BIG = new Failure(FailureCategory.NOT_ENOUGH_MEMORY, "too big");
    private static final Failure RAN_OUT = new Failure(FailureCategory.OUT_OF_MEMORY, "cpu:1: ran out");
    private static final Failure DIED = new Failure(FailureCategory.WORKER_DIED, "it died");
    private static final Instant EIGHT = Instant.parse("2026-03-04T08:00:00Z");

    private static Plan plan(List<Integer> batchPerDevice, int rounds, OnOutOfMemory onOutOfMemory) {
        return plan(List.of(1, 2), List.of(Strategy.DATA_PARALLEL), batchPerDevice, null, rounds, onOutOfMemory);
    }

    private static Plan plan(
            List<Integer> devices,
            List<Strategy> strategies,
            List<Integer> batchPerDevice,
            List<Integer> globalBatch,
            int rounds,
            OnOutOfMemory onOutOfMemory) {
        return new Plan(
                devices,
                strategies,
                List.of(Precision.FP32),
                batchPerDevice,
                globalBatch,
                new ModelSpec("tiny", 5, 32, null, null),
                2,
                1,
                new OptimizerSpec(OptimizerKind.SGD, 0.1, 0, 0),
                MemoryFormat.CONTIGUOUS,
                new DataSpec.Synthetic(),
                0,
                batchPerDevice == null && globalBatch == null,
                rounds,
                onOutOfMemory,
                null,
                false);
    }

    /** A measurement that went through, every step as long as the whole batch has images. */
    private static Measurement.Ended good(MeasurementSpec spec) {
        long nanos = spec.globalBatch() * 1_000_000L;
        List<StepReport> steps = IntStream.range(0, spec.steps())
                .mapToObj(step -> new StepReport(step, nanos, new PhaseNanos(1, 2, 3, 4, 5, 6, 7, 8), 9, 0.5))
                .toList();
        ReplicaSummary summary = new ReplicaSummary("0badcafe", 10.0, "peak-resident", null, false);
        TrainingLoop.Finished finished = new TrainingLoop.Finished(
                Collections.nCopies(spec.deviceCount(), steps),
                Collections.nCopies(spec.deviceCount(), summary),
                null,
                new Quality.WarmUp(spec.warmupSteps(), spec.warmupSteps(), spec.warmupLimit(), null),
                null,
                150.0);
        return new Measurement.Ended(
                new Measurement.Succeeded(finished), ids(spec), CollectiveKind.SHARED_MEMORY, null, MEMORY);
    }

    private static Measurement.Ended bad(MeasurementSpec spec, Failure failure) {
        return new Measurement.Ended(new Measurement.DidNotSucceed(failure), ids(spec), null, null, MEMORY);
    }

    private static List<String> ids(MeasurementSpec spec) {
        return IntStream.range(0, spec.deviceCount())
                .mapToObj(rank -> "cpu:" + rank)
                .toList();
    }

    /** Runs what is left of an agenda, and returns the ids in the order they came. */
    private static List<String> run(Agenda agenda, Predicate<MeasurementSpec> fits, Failure otherwise) {
        List<String> ids = new ArrayList<>();
        while (agenda.current() != null) {
            MeasurementSpec spec = agenda.current().spec();
            ids.add(spec.id());
            agenda.ended(fits.test(spec) ? good(spec) : bad(spec, otherwise), EIGHT.plusSeconds(ids.size()), null);
        }
        return ids;
    }

    private static List<String> runAll(Agenda agenda) {
        return run(agenda, spec -> true, DIED);
    }

    @Test
    void shouldGoBackAndForthThroughTheConfigurations() {
        Agenda agenda = new Agenda(plan(List.of(4, 8), 3, OnOutOfMemory.FAIL));
        List<String> there = List.of(
                "data-parallel-fp32-1x4", "data-parallel-fp32-1x8", "data-parallel-fp32-2x4", "data-parallel-fp32-2x8");
        List<String> back = new ArrayList<>(there);
        Collections.reverse(back);
        List<String> expected = new ArrayList<>(there);
        expected.addAll(back);
        expected.addAll(there);
        assertEquals(11, agenda.upcoming().size());
        assertEquals(expected, runAll(agenda));
    }

    @Test
    void shouldKeepOneRowOfAllRoundsOfAConfiguration() {
        Agenda agenda = new Agenda(plan(List.of(4), 2, OnOutOfMemory.FAIL));
        runAll(agenda);
        assertEquals(2, agenda.results().size());
        Result two = agenda.results().get(1);
        assertEquals("data-parallel-fp32-2x4", two.id());
        assertEquals(ResultStatus.OK, two.status());
        assertEquals(4, two.samplesMillis().size());
        assertEquals(2, two.provenance().plannedRounds());
        assertEquals(
                List.of(
                        new Round(1, EIGHT.plusSeconds(2), 2, 8.0, 1000.0, null, null),
                        new Round(2, EIGHT.plusSeconds(3), 2, 8.0, 1000.0, null, null)),
                two.provenance().rounds());
        assertNull(two.provenance().halvedFrom());
    }

    @Test
    void shouldTellOfTheRoundsSoFar() {
        Agenda agenda = new Agenda(plan(List.of(4), 2, OnOutOfMemory.FAIL));
        agenda.ended(good(agenda.current().spec()), EIGHT, null);
        assertEquals(1, agenda.results().size());
        assertEquals(2, agenda.results().get(0).steps());
        assertEquals(1, agenda.results().get(0).provenance().rounds().size());
        assertEquals(2, agenda.results().get(0).provenance().plannedRounds());
    }

    @Test
    void shouldNotPassAConfigurationOffAsCompleteWhenARoundFails() {
        Agenda agenda = new Agenda(plan(List.of(4), 3, OnOutOfMemory.FAIL));
        agenda.ended(good(agenda.current().spec()), EIGHT, null);
        agenda.ended(good(agenda.current().spec()), EIGHT, null);
        agenda.ended(bad(agenda.current().spec(), DIED), EIGHT, null);
        assertEquals(
                List.of("data-parallel-fp32-1x4", "data-parallel-fp32-1x4"),
                runAll(agenda),
                "the third round of what failed is left out");
        Result one = agenda.results().get(0);
        assertEquals(ResultStatus.OK, one.status());
        assertEquals(6, one.steps());
        Result two = agenda.results().get(1);
        assertEquals(ResultStatus.FAILED, two.status());
        assertEquals(new Failure(FailureCategory.WORKER_DIED, "round 2 of 3: it died"), two.error());
        assertNull(two.imagesPerSecond());
        assertEquals(1000.0, two.provenance().rounds().get(0).imagesPerSecond());
        assertEquals(DIED, two.provenance().rounds().get(1).error());
    }

    @Test
    void shouldCancelWhatHasNotRunAndKeepWhatHas() {
        Agenda agenda = new Agenda(plan(List.of(4), 2, OnOutOfMemory.FAIL));
        agenda.ended(good(agenda.current().spec()), EIGHT, null);
        agenda.cancel();
        assertNull(agenda.current());
        assertEquals(ResultStatus.CANCELLED, agenda.results().get(0).status());
        assertEquals(
                "cancelled by the user after 1 of 2 rounds",
                agenda.results().get(0).error().message());
        assertEquals(1, agenda.results().get(0).provenance().rounds().size());
        assertEquals(
                "cancelled by the user before it began",
                agenda.results().get(1).error().message());
    }

    @Test
    void shouldGoOnAfterWhatDoesNotFitAndSayWhatIsKnown() {
        Agenda agenda = new Agenda(plan(List.of(8), 1, OnOutOfMemory.FAIL));
        assertEquals(
                List.of("data-parallel-fp32-1x8", "data-parallel-fp32-2x8"),
                run(agenda, spec -> spec.deviceCount() == 2, RAN_OUT));
        Result one = agenda.results().get(0);
        assertEquals(ResultStatus.FAILED, one.status());
        assertEquals(
                "cpu:1: ran out; 8 images a device, 8 in all: about 500 MiB needed, 400 MiB available of 8000 MiB in all",
                one.error().message());
        assertEquals(
                List.of(new BatchTry(8, 8, false, null, 500.0, 400.0, 8000.0, one.error())),
                one.provenance().misfits());
        assertEquals(8, one.batchPerDevice());
        assertEquals(ResultStatus.OK, agenda.results().get(1).status());

        Agenda skipping = new Agenda(plan(List.of(8), 1, OnOutOfMemory.FAIL));
        run(skipping, spec -> false, TOO_BIG);
        assertEquals(ResultStatus.SKIPPED, skipping.results().get(0).status());
        assertEquals(TOO_BIG, skipping.results().get(0).error());
    }

    @Test
    void shouldHalveWhenAskedAndSaySo() {
        Agenda agenda = new Agenda(plan(List.of(10), 2, OnOutOfMemory.HALVE));
        List<String> ids = run(agenda, spec -> spec.globalBatch() <= 4, RAN_OUT);
        assertEquals(
                List.of(
                        "data-parallel-fp32-1x10",
                        "data-parallel-fp32-1x10-halved-5",
                        "data-parallel-fp32-1x10-halved-2",
                        "data-parallel-fp32-2x10",
                        "data-parallel-fp32-2x10-halved-5",
                        "data-parallel-fp32-2x10-halved-2",
                        "data-parallel-fp32-2x10-halved-2",
                        "data-parallel-fp32-1x10-halved-2"),
                ids);
        Result two = agenda.results().get(1);
        assertEquals(ResultStatus.OK, two.status());
        assertEquals("data-parallel-fp32-2x10-halved-2", two.id());
        assertEquals(2, two.batchPerDevice());
        assertEquals(4, two.imagesPerStep());
        assertEquals(new Batch(10, 20), two.provenance().halvedFrom());
        assertEquals(
                List.of(10, 5),
                two.provenance().misfits().stream()
                        .map(BatchTry::batchPerDevice)
                        .toList());
        assertEquals(2, two.provenance().rounds().size());
    }

    @Test
    void shouldHalveTheGlobalBatchWhenScalingStrongly() {
        Agenda agenda = new Agenda(
                plan(List.of(2), List.of(Strategy.DATA_PARALLEL), null, List.of(10), 1, OnOutOfMemory.HALVE));
        run(agenda, spec -> spec.globalBatch() <= 5, TOO_BIG);
        Result two = agenda.results().get(0);
        assertEquals("data-parallel-fp32-2x5-halved-3", two.id());
        assertEquals(5, two.globalBatch());
        assertEquals(List.of(3, 2), two.chunks());
        assertEquals(new Batch(5, 10), two.provenance().halvedFrom());
    }

    @Test
    void shouldGiveUpHalvingWhereNotOneImageFits() {
        Agenda agenda = new Agenda(plan(List.of(2), 1, OnOutOfMemory.HALVE));
        run(agenda, spec -> false, TOO_BIG);
        Result one = agenda.results().get(0);
        assertEquals(ResultStatus.SKIPPED, one.status());
        assertEquals(1, one.batchPerDevice());
        assertEquals(2, one.provenance().misfits().size());
    }

    @Test
    void shouldNotHalveAfterARoundWithTheWholeBatch() {
        Agenda agenda = new Agenda(plan(List.of(8), 2, OnOutOfMemory.HALVE));
        agenda.ended(good(agenda.current().spec()), EIGHT, null);
        run(agenda, spec -> false, TOO_BIG);
        Result one = agenda.results().get(0);
        assertEquals("data-parallel-fp32-1x8", one.id());
        assertEquals(ResultStatus.SKIPPED, one.status());
        assertEquals("round 2 of 2: too big", one.error().message());
    }

    @Test
    void shouldHalveForNothingButMemory() {
        Agenda agenda = new Agenda(plan(List.of(8), 1, OnOutOfMemory.HALVE));
        assertEquals(2, run(agenda, spec -> false, DIED).size());
        assertTrue(agenda.results().get(0).provenance().misfits().isEmpty());
    }

    @Test
    void shouldMeasureEveryDeviceCountWithTheLargestBatchThatFitsTheMost() {
        Agenda agenda = new Agenda(plan(null, 1, OnOutOfMemory.FAIL));
        List<String> ids = run(agenda, spec -> spec.globalBatch() <= 12, RAN_OUT);
        assertEquals(
                List.of(
                        "data-parallel-fp32-2x1-try",
                        "data-parallel-fp32-2x2-try",
                        "data-parallel-fp32-2x4-try",
                        "data-parallel-fp32-2x8-try",
                        "data-parallel-fp32-2x6-try",
                        "data-parallel-fp32-2x7-try",
                        "data-parallel-fp32-1x6",
                        "data-parallel-fp32-2x6"),
                ids);
        BatchSweep sweep = agenda.sweeps().get(0);
        assertEquals(6, sweep.largestBatchPerDevice());
        assertEquals(2, sweep.deviceCount());
        assertEquals(
                new BatchTry(1, 2, true, 1000.0, 500.0, 400.0, 8000.0, null),
                sweep.tries().get(0));
        assertEquals(FailureCategory.OUT_OF_MEMORY, sweep.tries().get(3).error().category());
        assertNull(sweep.error());
        assertTrue(agenda.results().stream().allMatch(result -> result.status() == ResultStatus.OK));
    }

    @Test
    void shouldTakeTheBatchThatFitsAllStrategies() {
        Agenda agenda = new Agenda(plan(
                List.of(1, 2),
                List.of(Strategy.DATA_PARALLEL, Strategy.ALL_REDUCE),
                null,
                null,
                1,
                OnOutOfMemory.FAIL));
        run(agenda, spec -> spec.globalBatch() <= (spec.strategy() == Strategy.ALL_REDUCE ? 6 : 8), TOO_BIG);
        assertEquals(
                List.of(4, 3),
                agenda.sweeps().stream().map(BatchSweep::largestBatchPerDevice).toList());
        assertEquals(
                List.of("data-parallel-fp32-1x3", "data-parallel-fp32-2x3", "all-reduce-fp32-2x3"),
                agenda.results().stream().map(Result::id).toList());
    }

    @Test
    void shouldMeasureNothingWhenASearchFails() {
        Agenda agenda = new Agenda(plan(null, 2, OnOutOfMemory.FAIL));
        assertEquals(3, run(agenda, spec -> spec.globalBatch() <= 4, DIED).size());
        assertEquals(DIED, agenda.sweeps().get(0).error());
        assertNull(agenda.sweeps().get(0).largestBatchPerDevice());
        Result two = agenda.results().get(1);
        assertEquals("data-parallel-fp32-2xmax", two.id());
        assertEquals(ResultStatus.FAILED, two.status());
        assertEquals("no largest batch was found: it died", two.error().message());
        assertEquals(4, two.batchPerDevice(), "the one that failed");

        Agenda none = new Agenda(plan(null, 1, OnOutOfMemory.FAIL));
        run(none, spec -> false, TOO_BIG);
        assertEquals(ResultStatus.SKIPPED, none.results().get(0).status());
        assertEquals(1, none.results().get(0).batchPerDevice());
    }

    @Test
    void shouldCancelASearch() {
        Agenda agenda = new Agenda(plan(null, 1, OnOutOfMemory.FAIL));
        agenda.ended(good(agenda.current().spec()), EIGHT, null);
        agenda.cancel();
        assertNull(agenda.current());
        assertNotNull(agenda.sweeps().get(0).error());
        assertEquals(
                List.of(ResultStatus.CANCELLED, ResultStatus.CANCELLED),
                agenda.results().stream().map(Result::status).toList());
    }
}

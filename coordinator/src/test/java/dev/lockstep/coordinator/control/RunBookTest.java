package dev.lockstep.coordinator.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import com.typesafe.config.ConfigFactory;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.report.Observation;
import dev.lockstep.common.report.Quality;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.RunStatus;
import dev.lockstep.common.report.SystemInfo;
import dev.lockstep.common.work.CollectiveKind;
import dev.lockstep.common.work.GpuNanos;
import dev.lockstep.common.work.PhaseNanos;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.coordinator.api.RunView.MeasurementView;
import dev.lockstep.coordinator.settings.RunRequests;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RunBookTest {
    private static final String TWO_ROUNDS =
            "model = tiny, devices = [1, 2], precision = fp32, batch-per-device = 4, steps = 2, warmup = 1, rounds = 2";
    private static final SystemInfo SYSTEM = new SystemInfo(
            "host", "system", "processor", 2, 8000, "17", "2", "0", "2", null, null, List.of(), "0", null, null, null);
    private static final Instant NOW = Instant.parse("2026-03-04T08:00:00Z");
    private static final MemoryNeed MEMORY = new MemoryNeed(500.0, 400.0, 8000.0);

    private RunBook book;

    @BeforeEach
    void start() {
        book = book(TWO_ROUNDS);
    }

    private static RunBook book(String options) {
        return book(options, true);
    }

    private static RunBook book(String options, boolean onCpu) {
        RunBook book = new RunBook(new Assignment(
                "r1", RunRequests.read(ConfigFactory.parseString(options), 2, onCpu), Path.of("/reports/r1"), NOW));
        book.start(NOW);
        return book;
    }

    private void ends(RunBook of, double stepMillis) {
        ends(of, stepMillis, null);
    }

    private static void ends(RunBook of, double stepMillis, GpuNanos gpu) {
        of.preparing(NOW);
        MeasurementSpec spec = of.current().spec();
        StepReport step =
                new StepReport(0, Math.round(stepMillis * 1e6), new PhaseNanos(1, 2, 3, 4, 5, 6, 7, 8), 9, 0.5, gpu);
        ReplicaSummary summary = new ReplicaSummary("0badcafe", 10.0, "peak-resident", null, false);
        of.ended(
                new Measurement.Ended(
                        new Measurement.Succeeded(new TrainingLoop.Finished(
                                Collections.nCopies(spec.deviceCount(), Collections.nCopies(spec.steps(), step)),
                                Collections.nCopies(spec.deviceCount(), summary),
                                null,
                                new Quality.WarmUp(7, 1, 15, true),
                                null,
                                150.0)),
                        Collections.nCopies(spec.deviceCount(), "cpu:0"),
                        CollectiveKind.SHARED_MEMORY,
                        null,
                        MEMORY),
                null);
    }

    private static void fails(RunBook of, FailureCategory category) {
        of.preparing(NOW);
        of.ended(
                new Measurement.Ended(
                        new Measurement.DidNotSucceed(new Failure(category, "no")), List.of(), null, null, MEMORY),
                null);
    }

    private static List<String> states(RunBook of) {
        return of.view().measurements().stream().map(MeasurementView::state).toList();
    }

    @Test
    void shouldShowEveryTurnWithItsRound() {
        ends(book, 10);
        book.preparing(NOW);
        book.advanced(new TrainingLoop.Advanced(2, 8, false));
        List<MeasurementView> views = book.view().measurements();
        assertEquals(List.of("ok", "warming-up", "waiting", "waiting"), states(book));
        assertEquals(
                "1 device, fp32, data-parallel, batch 4, round 1 of 2",
                views.get(0).label());
        assertEquals(400.0, views.get(0).imagesPerSecond());
        assertEquals(
                "2 devices, fp32, data-parallel, batch 4+4, round 2 of 2",
                views.get(2).label());
        assertEquals("data-parallel-fp32-2x4/2", views.get(2).id());
        assertEquals(9, views.get(0).stepsDone(), "7 steps of warm-up and 2 measured");
        assertEquals(9, views.get(0).totalSteps());
        assertEquals(2, views.get(1).stepsDone());
        assertEquals(8, views.get(1).totalSteps());
    }

    @Test
    void shouldHaveWhatWasFoundInTheReportAfterEachMeasurement() {
        ends(book, 10);
        Report first = book.report(SYSTEM);
        assertEquals(RunStatus.PARTIAL, first.run().status());
        assertEquals(1, first.results().size());
        ends(book, 12.5);
        ends(book, 10);
        ends(book, 8);
        assertNull(book.current());
        Report last = book.report(SYSTEM);
        assertEquals(RunStatus.COMPLETED, last.run().status());
        Result two = last.results().get(1);
        assertEquals(4, two.steps());
        assertEquals(1.6, two.provenance().rounds().get(0).speedup(), 1e-9);
        assertEquals(1.6, two.provenance().rounds().get(1).speedup(), 1e-9);
        assertEquals(1.6, two.speedup(), 1e-9, "the machine became faster, which is no result");
    }

    @Test
    void shouldTellWhetherALaunchBoundStepWasRecorded() {
        for (boolean recorded : List.of(true, false)) {
            RunBook onGpu = book(
                    "model = tiny, devices = 1, precision = fp32, batch-per-device = 4, steps = 2, cuda-graphs = "
                            + recorded,
                    false);
            ends(onGpu, 10, new GpuNanos(9_500_000, 9_900_000));
            List<String> bound = onGpu.report(SYSTEM).observations().stream()
                    .map(Observation::text)
                    .filter(text -> text.contains("launch-bound"))
                    .toList();
            assertEquals(1, bound.size(), bound::toString);
            assertEquals(!recorded, bound.get(0).contains("--cuda-graphs false"), bound::toString);
        }
    }

    @Test
    void shouldBePartialWhenARoundFailed() {
        ends(book, 10);
        ends(book, 10);
        fails(book, FailureCategory.TIMEOUT);
        ends(book, 10);
        assertNull(book.current());
        assertEquals(RunStatus.PARTIAL, book.status());
        assertEquals(List.of("ok", "ok", "failed", "ok"), states(book));
    }

    @Test
    void shouldCancelWhatIsLeft() {
        ends(book, 10);
        fails(book, FailureCategory.CANCELLED);
        book.cancel();
        assertEquals(RunStatus.CANCELLED, book.status());
        assertEquals(List.of("ok", "cancelled", "cancelled"), states(book));
        assertNull(book.current());
    }

    @Test
    void shouldShowASearchTryByTryAndWhatItFoundInTheNotes() {
        RunBook search =
                book("model = tiny, devices = 2, precision = fp32, batch-per-device = max, steps = 2, warmup = 1");
        assertEquals(
                "does it fit: 2 devices, fp32, data-parallel, batch 1+1",
                search.view().measurements().get(0).label());
        ends(search, 10);
        fails(search, FailureCategory.OUT_OF_MEMORY);
        assertEquals(List.of("ok", "failed", "waiting"), states(search));
        ends(search, 10);
        Report report = search.report(SYSTEM);
        assertEquals(RunStatus.COMPLETED, report.run().status(), "that a try does not fit is no failure");
        assertEquals(1, report.batchSweeps().get(0).largestBatchPerDevice());
        assertEquals(
                "The largest batch per device that fits on 2 devices with fp32, data-parallel is 1 (2 did not fit).",
                report.run().notes().get(0));
        assertEquals("data-parallel-fp32-2x1", report.results().get(0).id());
    }

    @Test
    void shouldNameAHalvedBatchWhereverItIsSeen() {
        RunBook halving = book(
                "model = tiny, devices = 1, precision = fp32, batch-per-device = 4, steps = 2, warmup = 1, on-out-of-memory = halve");
        fails(halving, FailureCategory.NOT_ENOUGH_MEMORY);
        assertEquals(List.of("skipped", "waiting"), states(halving));
        assertEquals(
                "1 device, fp32, data-parallel, batch 2 instead of 4, which did not fit",
                halving.view().measurements().get(1).label());
        ends(halving, 10);
        Report report = halving.report(SYSTEM);
        assertEquals(RunStatus.COMPLETED, report.run().status());
        assertEquals("data-parallel-fp32-1x4-halved-2", report.results().get(0).id());
        assertEquals(1, report.run().notes().size());
    }
}

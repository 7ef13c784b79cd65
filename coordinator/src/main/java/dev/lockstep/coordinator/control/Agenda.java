package dev.lockstep.coordinator.control;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.BatchSweep;
import dev.lockstep.common.report.BatchTry;
import dev.lockstep.common.report.GpuConditions;
import dev.lockstep.common.report.Result;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * What a run measures, and in which order: first the searches for the largest batch, where the plan asks for it, then all
 * configurations, round by round. Every second round goes through them backwards, so that a machine that gets steadily slower or
 * faster favours none. What comes next depends on what came out: a search goes on, a batch that did not fit is halved, a configuration
 * that failed is left alone.
 */
final class Agenda {
    /** One measurement that is to be made. */
    sealed interface Task {
        MeasurementSpec spec();
    }

    /** A try of a search for the largest batch. */
    record Try(Sweep sweep, MeasurementSpec spec) implements Task {}

    /** A configuration's turn in a round, which counts from 1. */
    record Turn(Row row, int round) implements Task {
        @Override
        public MeasurementSpec spec() {
            return row.spec();
        }
    }

    private final Plan plan;
    private final List<Sweep> sweeps = new ArrayList<>();
    private final List<Row> rows = new ArrayList<>();
    private final Deque<Turn> turns = new ArrayDeque<>();

    Agenda(Plan plan) {
        this.plan = plan;
        if (plan.largestBatch()) {
            searchOn();
        } else {
            plan.measurements().forEach(spec -> rows.add(new Row(spec, plan)));
            takeTurns();
        }
    }

    /** What is measured now or next; null when all is through. */
    Task current() {
        Sweep sweep = currentSweep();
        return sweep == null ? turns.peek() : new Try(sweep, sweep.next());
    }

    /** What is sure to come after that; more may follow from what comes out. */
    List<Turn> upcoming() {
        return currentSweep() == null ? turns.stream().skip(1).toList() : List.of();
    }

    /** The searches so far, as the report tells of them. */
    List<BatchSweep> sweeps() {
        return sweeps.stream().map(Sweep::told).toList();
    }

    /** The rows so far, speed-ups open. */
    List<Result> results() {
        return rows.stream().map(Row::result).flatMap(Optional::stream).toList();
    }

    /**
     * Books how the current task ended, and moves on to the next.
     *
     * @param startedAt when it began
     * @param gpus how the GPUs fared; null where it is not known
     */
    void ended(Measurement.Ended ended, Instant startedAt, GpuConditions gpus) {
        if (current() instanceof Try tried) {
            tried.sweep.ended(outcome(tried.spec, ended));
            searchOn();
            return;
        }
        Row row = turns.element().row;
        MeasurementSpec before = row.spec();
        row.ended(ended, startedAt, gpus);
        if (row.spec().equals(before)) {
            turns.remove();
        }
        dropWhatIsOver();
    }

    private static BatchTry outcome(MeasurementSpec spec, Measurement.Ended ended) {
        MemoryNeed memory = ended.memory();
        if (ended.outcome() instanceof Measurement.DidNotSucceed failed) {
            return Row.misfit(spec, memory, Row.told(failed.failure(), spec, memory));
        }
        return new BatchTry(
                spec.batchPerDevice(),
                spec.globalBatch(),
                true,
                Row.alone(spec, ended, null).imagesPerSecond(),
                memory.neededMiB(),
                memory.availableMiB(),
                memory.totalMiB(),
                null);
    }

    /** The user ended the run: what has not run never will. */
    void cancel() {
        if (currentSweep() != null) {
            currentSweep().cancel(new Failure(FailureCategory.CANCELLED, "cancelled by the user"));
            planRows();
        }
        rows.forEach(Row::cancel);
        dropWhatIsOver();
    }

    private void dropWhatIsOver() {
        turns.removeIf(turn -> turn.row.isOver());
    }

    private Sweep currentSweep() {
        Sweep last = sweeps.isEmpty() ? null : sweeps.get(sweeps.size() - 1);
        return last == null || last.next() == null ? null : last;
    }

    /** Begins the next search when there is one and none goes on, or plans the rows when all are through. */
    private void searchOn() {
        if (currentSweep() != null) {
            return;
        }
        for (Precision precision : plan.precisions()) {
            List<Sweep> before = sweeps.stream()
                    .filter(sweep -> sweep.precision() == precision)
                    .toList();
            List<Strategy> strategies = plan.strategiesOn(Collections.max(plan.devices()));
            boolean hopeless = before.stream().anyMatch(sweep -> sweep.failure() != null);
            if (!hopeless && before.size() < strategies.size()) {
                OptionalInt limit = before.isEmpty()
                        ? OptionalInt.empty()
                        : before.get(before.size() - 1).largest();
                sweeps.add(Sweep.of(plan, precision, strategies.get(before.size()), limit));
                return;
            }
        }
        planRows();
    }

    /**
     * Makes the rows of what the searches found. All rows of a precision have one batch per device, the largest that fits all its
     * strategies on the most devices: without that no speed-up compares like with like.
     */
    private void planRows() {
        Map<Precision, Integer> batches = new EnumMap<>(Precision.class);
        Map<Precision, Failure> failures = new HashMap<>();
        for (Sweep sweep : sweeps) {
            batches.put(sweep.precision(), sweep.largest().orElse(sweep.lastTried()));
            if (sweep.failure() != null) {
                failures.put(sweep.precision(), sweep.failure());
            }
        }
        Set<Precision> found = Set.copyOf(batches.keySet());
        plan.precisions().forEach(precision -> batches.putIfAbsent(precision, 1));
        for (MeasurementSpec spec : plan.measurements(batches)) {
            Failure failure = failures.get(spec.precision());
            boolean sized = failure == null && found.contains(spec.precision());
            Row row = new Row(sized ? spec : unsized(spec), plan);
            if (failure != null) {
                row.giveUp(new Failure(failure.category(), "no largest batch was found: " + failure.message()));
            }
            rows.add(row);
        }
        takeTurns();
    }

    /** The configuration under an id that names no batch, because none was found for it. */
    private static MeasurementSpec unsized(MeasurementSpec spec) {
        return spec.named("%s-%s-%dxmax"
                .formatted(spec.strategy().label(), spec.precision().label(), spec.deviceCount()));
    }

    private void takeTurns() {
        List<Row> order = new ArrayList<>(rows);
        for (int round = 1; round <= plan.rounds(); round++) {
            for (Row row : order) {
                turns.add(new Turn(row, round));
            }
            Collections.reverse(order);
        }
        dropWhatIsOver();
    }
}

package dev.lockstep.coordinator.control;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.OnOutOfMemory;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.report.BatchTry;
import dev.lockstep.common.report.GpuConditions;
import dev.lockstep.common.report.Provenance;
import dev.lockstep.common.report.Provenance.Batch;
import dev.lockstep.common.report.Provenance.Round;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.common.work.CollectiveKind;
import dev.lockstep.coordinator.report.Results;
import dev.lockstep.coordinator.report.RoundsTogether;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** One configuration of a plan and what its rounds have come to so far: one row of the report. */
final class Row {
    private final MeasurementSpec asked;
    private final int plannedRounds;
    private final OnOutOfMemory onOutOfMemory;
    private final List<Round> rounds = new ArrayList<>();
    /** The rounds that succeeded. */
    private final List<Result> measured = new ArrayList<>();

    private final List<BatchTry> misfits = new ArrayList<>();
    private MeasurementSpec spec;
    private List<String> deviceIds = List.of();
    /** How its replicas exchanged tensors; null as long as that is not decided. */
    private String collective;

    private Failure failure;

    Row(MeasurementSpec asked, Plan plan) {
        this.asked = asked;
        this.spec = asked;
        this.plannedRounds = plan.rounds();
        this.onOutOfMemory = plan.onOutOfMemory();
    }

    /** Whether what failed is that something did not fit the memory. */
    static boolean isForMemory(Failure failure) {
        return failure.category() == FailureCategory.NOT_ENOUGH_MEMORY
                || failure.category() == FailureCategory.OUT_OF_MEMORY;
    }

    /** What is measured: what was asked for, or less of it. */
    MeasurementSpec spec() {
        return spec;
    }

    /** The batch that was asked for, when it is not the one that is measured; else null. */
    Batch halvedFrom() {
        return spec.globalBatch() == asked.globalBatch()
                ? null
                : new Batch(asked.batchPerDevice(), asked.globalBatch());
    }

    /** Whether nothing more is to be measured for it. */
    boolean isOver() {
        return failure != null || measured.size() == plannedRounds;
    }

    /**
     * Books how the next round ended. When it did not fit and halving is asked for, it is to be measured again with less.
     *
     * @param startedAt when that round began
     * @param gpus how the GPUs fared; null where it is not known
     */
    void ended(Measurement.Ended ended, Instant startedAt, GpuConditions gpus) {
        deviceIds = ended.deviceIds();
        collective = label(ended.collective());
        if (ended.outcome() instanceof Measurement.DidNotSucceed failed) {
            didNotSucceed(failed.failure(), ended.memory(), startedAt);
        } else {
            succeeded(alone(spec, ended, gpus), startedAt);
        }
    }

    /**
     * One measurement that succeeded, as if it were a row of its own.
     *
     * @param gpus how the GPUs fared; null where it is not known
     */
    static Result alone(MeasurementSpec spec, Measurement.Ended ended, GpuConditions gpus) {
        TrainingLoop.Finished finished = ((Measurement.Succeeded) ended.outcome()).finished();
        return Results.ok(
                        spec,
                        ended.deviceIds(),
                        label(ended.collective()),
                        finished.measured(),
                        finished.summaries(),
                        finished.dataWaitMillis(),
                        finished.warmUp(),
                        finished.disturbance())
                .withCoreTurns(finished.coreTurnMillis())
                .withGpus(gpus);
    }

    private void succeeded(Result round, Instant startedAt) {
        measured.add(round);
        rounds.add(new Round(
                rounds.size() + 1,
                startedAt,
                round.steps(),
                round.stepMillis().mean(),
                round.imagesPerSecond(),
                null,
                null));
    }

    private void didNotSucceed(Failure how, MemoryNeed memory, Instant startedAt) {
        Failure told = how;
        if (isForMemory(how)) {
            told = told(how, spec, memory);
            misfits.add(misfit(spec, memory, told));
            Optional<MeasurementSpec> half = spec.halved();
            // Rounds with different batches are no rounds of one configuration.
            if (onOutOfMemory == OnOutOfMemory.HALVE && rounds.isEmpty() && half.isPresent()) {
                MeasurementSpec less = half.get();
                spec = less.named(asked.id() + "-halved-" + less.batchPerDevice());
                return;
            }
        }
        rounds.add(new Round(rounds.size() + 1, startedAt, 0, null, null, null, told));
        failure = plannedRounds == 1
                ? told
                : new Failure(
                        told.category(), "round %d of %d: %s".formatted(rounds.size(), plannedRounds, told.message()));
    }

    /** A failure for memory with the figures that a worker does not know. */
    static Failure told(Failure failure, MeasurementSpec spec, MemoryNeed memory) {
        return failure.category() == FailureCategory.OUT_OF_MEMORY
                ? new Failure(
                        failure.category(),
                        "%s; %d images a device, %d in all%s"
                                .formatted(
                                        failure.message(),
                                        spec.batchPerDevice(),
                                        spec.globalBatch(),
                                        memory.described()))
                : failure;
    }

    /** A batch that did not fit, or whose try came to nothing. */
    static BatchTry misfit(MeasurementSpec spec, MemoryNeed memory, Failure failure) {
        return new BatchTry(
                spec.batchPerDevice(),
                spec.globalBatch(),
                false,
                null,
                memory.neededMiB(),
                memory.availableMiB(),
                memory.totalMiB(),
                failure);
    }

    /** It will not be measured, or not to its end. */
    void giveUp(Failure why) {
        if (!isOver()) {
            failure = why;
        }
    }

    /** The user ended the run. */
    void cancel() {
        giveUp(new Failure(
                FailureCategory.CANCELLED,
                measured.isEmpty()
                        ? "cancelled by the user before it began"
                        : "cancelled by the user after %d of %d rounds".formatted(measured.size(), plannedRounds)));
    }

    /** The row as it stands, its speed-up open; empty as long as there is nothing to tell. */
    Optional<Result> result() {
        if (failure == null && measured.isEmpty()) {
            return Optional.empty();
        }
        Result result = failure == null
                ? RoundsTogether.of(measured)
                : Results.notOk(spec, deviceIds, collective, status(failure), failure);
        return Optional.of(result.withProvenance(
                new Provenance(spec.scaling(), null, plannedRounds, rounds, null, halvedFrom(), misfits)));
    }

    /** Null where it was not decided. */
    private static String label(CollectiveKind collective) {
        return collective == null ? null : collective.label();
    }

    static ResultStatus status(Failure failure) {
        return switch (failure.category()) {
            case CANCELLED -> ResultStatus.CANCELLED;
            case NOT_ENOUGH_MEMORY -> ResultStatus.SKIPPED;
            default -> ResultStatus.FAILED;
        };
    }
}

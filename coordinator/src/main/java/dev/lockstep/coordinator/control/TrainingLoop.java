package dev.lockstep.coordinator.control;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.PostStop;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import akka.actor.typed.javadsl.TimerScheduler;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.protocol.MeasurementMessage;
import dev.lockstep.common.protocol.MeasurementMessage.Prepared;
import dev.lockstep.common.protocol.MeasurementMessage.StepsDone;
import dev.lockstep.common.protocol.MeasurementMessage.Summarised;
import dev.lockstep.common.protocol.MeasurementMessage.WorkFailed;
import dev.lockstep.common.protocol.WorkerMessage;
import dev.lockstep.common.report.Quality;
import dev.lockstep.common.report.Quality.Disturbance;
import dev.lockstep.common.work.Reduction;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.coordinator.host.CoreTurns;
import dev.lockstep.coordinator.host.MachineWatch;
import dev.lockstep.coordinator.workers.Lease.LeasedWorker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.function.Supplier;

/**
 * Takes prepared-for workers through one measurement: prepare all replicas, warm up and measure, collect. Tells its parent how far it
 * is and how it ended, once. It does not clean up: the parent does, whatever the end.
 */
final class TrainingLoop extends AbstractBehavior<TrainingLoop.Command> {
    /** How often the parent is told how far it is: for people to see, while steps may take less than a millisecond. */
    private static final Duration PROGRESS_INTERVAL = Duration.ofMillis(100);

    /** What the actor receives. */
    sealed interface Command {}

    private record Answered(MeasurementMessage message) implements Command {}

    private record BatchReady(int step) implements Command {}

    private record BatchFailed(Failure failure) implements Command {}

    private record Watched(Disturbance disturbance) implements Command {}

    private record WatchFailed(Failure failure) implements Command {}

    private record Silence() implements Command {}

    /** What the parent is told. */
    sealed interface Event {}

    /**
     * How far it is, warm-up included. Told now and then, and at the end.
     *
     * @param stepsDone on every rank
     * @param expectedSteps of all; the number grows while the warm-up goes on
     */
    record Advanced(int stepsDone, int expectedSteps, boolean measuring) implements Event {}

    /**
     * All steps are done.
     *
     * @param measured the reports after the warm-up, by rank and then by step
     * @param dataWaitMillis mean time that a measured step waited for its batch; null when the data is always there
     * @param warmUp how the warm-up went
     * @param disturbance what else went on in the machine while it was measured
     * @param coreTurnMillis how often the replicas changed places on the cores; null if they did not
     */
    record Finished(
            List<List<StepReport>> measured,
            List<ReplicaSummary> summaries,
            Double dataWaitMillis,
            Quality.WarmUp warmUp,
            Disturbance disturbance,
            Double coreTurnMillis)
            implements Event {}

    /** It came to nothing. */
    record Failed(Failure failure) implements Event {}

    /**
     * What a loop works with.
     *
     * @param replica makes each rank's specification
     * @param watch over the machine; the loop closes it
     * @param turns has the workers take turns at their cores from now on; the loop closes what it makes
     * @param patience how long no worker may say anything
     */
    record Work(
            MeasurementSpec spec,
            long epoch,
            List<LeasedWorker> workers,
            IntFunction<ReplicaSpec> replica,
            BatchFeeder feeder,
            MachineWatch watch,
            Supplier<CoreTurns.Session> turns,
            Duration patience) {}

    private final Work work;
    private final ActorRef<Event> parent;
    private final TimerScheduler<Command> timers;
    private final ActorRef<MeasurementMessage> answers;
    private final StepLedger ledger;
    private final Map<Integer, ReplicaSummary> summaries = new TreeMap<>();
    private Disturbance disturbance;
    private boolean watching;
    /** Null until the first step is done. */
    private CoreTurns.Session turns;

    private int prepared;
    private int requestedBatches;
    private int readyBatches;
    private long starvedSince;
    private long lastHeard = System.nanoTime();
    private long lastToldProgress = System.nanoTime();
    private long dataWaitNanos;

    static Behavior<Command> create(Work work, ActorRef<Event> parent) {
        return Behaviors.setup(
                context -> Behaviors.withTimers(timers -> new TrainingLoop(context, timers, work, parent)));
    }

    private TrainingLoop(
            ActorContext<Command> context, TimerScheduler<Command> timers, Work work, ActorRef<Event> parent) {
        super(context);
        this.work = work;
        this.parent = parent;
        this.timers = timers;
        this.answers = context.messageAdapter(MeasurementMessage.class, Answered::new);
        WarmUp warmUp = new WarmUp(work.spec.warmupSteps(), work.spec.warmupLimit());
        this.ledger = new StepLedger(work.workers.size(), warmUp, work.spec.steps(), work.feeder.stepsInFlight());
        for (int rank = 0; rank < work.workers.size(); rank++) {
            work.workers.get(rank).worker().tell(new WorkerMessage.Prepare(work.replica.apply(rank), answers));
        }
        timers.startSingleTimer(new Silence(), work.patience);
        fillFreeSlots();
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Answered.class, this::onAnswered)
                .onMessage(BatchReady.class, this::onBatchReady)
                .onMessage(BatchFailed.class, failed -> fail(failed.failure))
                .onMessage(Watched.class, this::onWatched)
                .onMessage(WatchFailed.class, failed -> fail(failed.failure))
                .onMessage(Silence.class, silence -> onSilence())
                .onSignal(PostStop.class, stopped -> onPostStop())
                .build();
    }

    private Behavior<Command> onAnswered(Answered answered) {
        MeasurementMessage message = answered.message;
        if (message.epoch() != work.epoch) {
            getContext().getLog().warn("ignored an answer to measurement {}", message.epoch());
            return this;
        }
        lastHeard = System.nanoTime();
        if (message instanceof Prepared) {
            return onPrepared();
        }
        if (message instanceof StepsDone done) {
            return onStepsDone(done);
        }
        if (message instanceof Summarised summarised) {
            return onSummarised(summarised);
        }
        if (message instanceof WorkFailed failed) {
            Failure failure = failed.failure();
            return fail(new Failure(failure.category(), failed.deviceId() + ": " + failure.message()));
        }
        return fail(new Failure(FailureCategory.INTERNAL, "a worker answered with " + message));
    }

    private Behavior<Command> onPrepared() {
        prepared++;
        starvedSince = System.nanoTime();
        if (prepared == work.workers.size()) {
            watchMeasuredSteps();
            commandNext();
        }
        return this;
    }

    /** Begins to watch the machine once the next step to be done is a measured one. */
    private void watchMeasuredSteps() {
        if (ledger.isMeasuring() && !watching) {
            watching = true;
            work.watch.begin();
        }
    }

    /** Asks for the batch of every step whose slot is free; the feeder fills one after the other. */
    private void fillFreeSlots() {
        while (ledger.mayFill(requestedBatches)) {
            getContext()
                    .pipeToSelf(
                            work.feeder.fill(requestedBatches++),
                            (filled, thrown) -> thrown == null
                                    ? new BatchReady(filled)
                                    : new BatchFailed(
                                            Failure.of(thrown, FailureCategory.DATA, "a batch could not be had")));
        }
    }

    private Behavior<Command> onBatchReady(BatchReady ready) {
        // What waits for one and the same fill is told in no order: the last to be told need not be the furthest.
        readyBatches = Math.max(readyBatches, ready.step + 1);
        commandNext();
        return this;
    }

    /** Commands all steps that may be, in groups. */
    private void commandNext() {
        while (ledger.isDue() && mayCommand()) {
            List<StepCommand> group = new ArrayList<>();
            while (group.size() < ledger.groupSize() && mayCommand()) {
                group.add(nextCommand());
            }
            work.workers.forEach(worker -> worker.worker().tell(new WorkerMessage.RunSteps(work.epoch, group)));
        }
    }

    /** Whether the next step may be: all replicas are prepared, its batch is in its slot, not too many others are under way. */
    private boolean mayCommand() {
        return prepared == work.workers.size() && readyBatches > ledger.commanded() && ledger.mayCommand();
    }

    private StepCommand nextCommand() {
        int step = ledger.commanded();
        if (ledger.isStarved() && ledger.isMeasuring()) {
            dataWaitNanos += System.nanoTime() - starvedSince;
        }
        ledger.command();
        return new StepCommand(step, BatchFeeder.slot(step), work.spec.chunks(), reduction());
    }

    private Reduction reduction() {
        return switch (work.spec.strategy()) {
            case DATA_PARALLEL -> Reduction.SUM_TO_FIRST;
            case ALL_REDUCE -> Reduction.SUM_TO_ALL;
        };
    }

    private Behavior<Command> onStepsDone(StepsDone done) {
        int doneBefore = ledger.done();
        for (StepReport report : done.reports()) {
            String wrong = ledger.record(done.rank(), report);
            if (wrong != null) {
                return fail(new Failure(FailureCategory.INTERNAL, wrong));
            }
        }
        if (ledger.done() > doneBefore) {
            takeTurns();
            watchMeasuredSteps();
            tellProgress();
            if (ledger.isStarved()) {
                starvedSince = System.nanoTime();
            }
            if (ledger.isComplete()) {
                getContext()
                        .pipeToSelf(
                                work.watch.end(),
                                (found, thrown) -> thrown == null
                                        ? new Watched(found)
                                        : new WatchFailed(Failure.of(
                                                thrown, FailureCategory.INTERNAL, "the machine was not watched")));
                work.workers.forEach(worker -> worker.worker().tell(new WorkerMessage.Summarise(work.epoch)));
                return this;
            }
            fillFreeSlots();
            commandNext();
        }
        return this;
    }

    /** From the second step on: in the first one libtorch may still start threads, which run where the thread that starts them does. */
    private void takeTurns() {
        if (turns == null) {
            turns = work.turns.get();
        }
    }

    private void tellProgress() {
        long now = System.nanoTime();
        if (ledger.isComplete() || now - lastToldProgress >= PROGRESS_INTERVAL.toNanos()) {
            lastToldProgress = now;
            parent.tell(new Advanced(ledger.done(), ledger.expectedSteps(), ledger.isMeasuring()));
        }
    }

    private Behavior<Command> onSummarised(Summarised summarised) {
        summaries.put(summarised.rank(), summarised.summary());
        return finishWhenAllIsTold();
    }

    private Behavior<Command> onWatched(Watched watched) {
        disturbance = watched.disturbance;
        return finishWhenAllIsTold();
    }

    private Behavior<Command> finishWhenAllIsTold() {
        if (summaries.size() < work.workers.size() || disturbance == null) {
            return this;
        }
        Optional<Failure> disagreement = ParameterAgreement.check(List.copyOf(summaries.values()));
        if (disagreement.isPresent()) {
            return fail(disagreement.get());
        }
        Double dataWaitMillis = work.feeder.canKeepStepsWaiting() ? dataWaitNanos / 1e6 / work.spec.steps() : null;
        parent.tell(new Finished(
                ledger.measured(),
                List.copyOf(summaries.values()),
                dataWaitMillis,
                ledger.warmUp(),
                disturbance,
                turns.millis()));
        return Behaviors.stopped();
    }

    /** The timer runs through, because starting it anew for each answer would cost more than the answer. */
    private Behavior<Command> onSilence() {
        Duration silent = Duration.ofNanos(System.nanoTime() - lastHeard);
        if (silent.compareTo(work.patience) < 0) {
            timers.startSingleTimer(new Silence(), work.patience.minus(silent));
            return this;
        }
        List<Integer> missing = prepared < work.workers.size() ? List.of() : ledger.missing();
        String whom = missing.isEmpty()
                ? "no worker"
                : "worker "
                        + missing.stream()
                                .map(rank -> work.workers.get(rank).deviceId())
                                .toList();
        return fail(new Failure(
                FailureCategory.TIMEOUT,
                "%s has not answered for %d s in step %d".formatted(whom, work.patience.toSeconds(), ledger.done())));
    }

    private Behavior<Command> fail(Failure failure) {
        parent.tell(new Failed(failure));
        return Behaviors.stopped();
    }

    private Behavior<Command> onPostStop() {
        work.watch.close();
        if (turns != null) {
            turns.close();
        }
        return this;
    }
}

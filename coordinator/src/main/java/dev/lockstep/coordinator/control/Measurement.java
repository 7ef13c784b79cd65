package dev.lockstep.coordinator.control;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.ChildFailed;
import akka.actor.typed.PostStop;
import akka.actor.typed.Terminated;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import akka.actor.typed.javadsl.TimerScheduler;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.protocol.MeasurementMessage;
import dev.lockstep.common.protocol.MeasurementMessage.CommunicatorIdCreated;
import dev.lockstep.common.protocol.MeasurementMessage.Probed;
import dev.lockstep.common.protocol.MeasurementMessage.Released;
import dev.lockstep.common.protocol.MeasurementMessage.WorkFailed;
import dev.lockstep.common.protocol.WorkerMessage;
import dev.lockstep.common.work.CollectiveKind;
import dev.lockstep.common.work.CommunicatorId;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.coordinator.workers.Lease;
import dev.lockstep.coordinator.workers.Lease.LeasedWorker;
import dev.lockstep.coordinator.workers.WorkerPool;
import java.io.IOException;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * One measurement from the workers it needs to the moment it holds nothing any more: lease workers, probe the model, check memory, open
 * the data plane, train (in a {@link TrainingLoop}), release, give back. Every end, good or bad, goes through the same clean-up.
 */
final class Measurement extends AbstractBehavior<Measurement.Command> {
    /** How long a worker may take to let go of its work before it is replaced. */
    private static final Duration RELEASE_GRACE = Duration.ofSeconds(3);
    /** The coordinator waits longer than a replica does for another, so that the replica's better message comes first. */
    private static final Duration EXTRA_PATIENCE = Duration.ofSeconds(30);

    /** What the actor receives. */
    sealed interface Command {}

    /** End it for the user. */
    record Cancel() implements Command {}

    private record Leased(Lease lease) implements Command {}

    private record Answered(MeasurementMessage message) implements Command {}

    private record Decided(Admission admission) implements Command {}

    private record Looped(TrainingLoop.Event event) implements Command {}

    private record Problem(Failure failure) implements Command {}

    private record ReleaseOverdue() implements Command {}

    /** {@code failure} is null when all went well. */
    private record Closed(Failure failure) implements Command {}

    /** What the parent is told. */
    sealed interface Event {}

    /** The workers are there. */
    record Staffed(List<LeasedWorker> workers) implements Event {}

    /** Steps are being run. */
    record Advanced(TrainingLoop.Advanced progress) implements Event {}

    /**
     * It is over, and all it held is free.
     *
     * @param deviceIds in rank order; empty if it never got workers
     * @param collective how they exchanged tensors; null if it was not decided
     * @param footprint of the model; null if it was not found out
     * @param memory what it needed and what there was, as far as that was found out
     */
    record Ended(
            Outcome outcome,
            List<String> deviceIds,
            CollectiveKind collective,
            ModelFootprint footprint,
            MemoryNeed memory)
            implements Event {}

    /** How it came out. */
    sealed interface Outcome {}

    record Succeeded(TrainingLoop.Finished finished) implements Outcome {}

    record DidNotSucceed(Failure failure) implements Outcome {}

    private final MeasurementSetting setting;
    private final ActorRef<Event> parent;
    private final TimerScheduler<Command> timers;
    private final ActorRef<MeasurementMessage> answers;
    private List<LeasedWorker> workers = List.of();
    private ModelFootprint footprint;
    private MemoryNeed memory;
    private CollectiveKind collective;
    private CommunicatorId communicator;
    private DataPlane dataPlane;
    private boolean deciding;
    /** Null before it is spawned and after it has stopped. */
    private ActorRef<TrainingLoop.Command> loop;
    /** Set once; from then on it is only cleaned up. */
    private Outcome outcome;

    private final Set<String> holding = new HashSet<>();
    private boolean releaseOverdue;
    private boolean closing;
    private boolean over;

    static Behavior<Command> create(MeasurementSetting setting, ActorRef<Event> parent) {
        return Behaviors.setup(
                context -> Behaviors.withTimers(timers -> new Measurement(context, timers, setting, parent)));
    }

    private Measurement(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            MeasurementSetting setting,
            ActorRef<Event> parent) {
        super(context);
        this.setting = setting;
        this.parent = parent;
        this.timers = timers;
        this.footprint = setting.footprint();
        this.memory = new MemoryNeed(null, null, setting.totalMemoryMiB());
        this.answers = context.messageAdapter(MeasurementMessage.class, Answered::new);
        setting.pool()
                .tell(new WorkerPool.Acquire(
                        setting.spec().deviceCount(), context.messageAdapter(Lease.class, Leased::new)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Leased.class, this::onLeased)
                .onMessage(Answered.class, this::onAnswered)
                .onMessage(Decided.class, this::onDecided)
                .onMessage(Looped.class, this::onLooped)
                .onMessage(Problem.class, problem -> end(new DidNotSucceed(problem.failure)))
                .onMessage(Cancel.class, cancel -> onCancel())
                .onMessage(ReleaseOverdue.class, overdue -> onReleaseOverdue())
                .onMessage(Closed.class, this::onClosed)
                .onSignal(Terminated.class, this::onLoopStopped)
                .onSignal(PostStop.class, stopped -> onStopped())
                .build();
    }

    private Behavior<Command> onLeased(Leased leased) {
        if (leased.lease instanceof Lease.Granted granted) {
            return onGranted(granted);
        }
        if (leased.lease instanceof Lease.WorkerLost lost) {
            end(new DidNotSucceed(lost.failure()));
            holding.remove(lost.deviceId());
            return cleanUp();
        }
        return end(new DidNotSucceed(((Lease.Refused) leased.lease).failure()));
    }

    private Behavior<Command> onGranted(Lease.Granted granted) {
        workers = granted.workers();
        parent.tell(new Staffed(workers));
        try {
            collective = setting.collective().apply(deviceIds());
        } catch (LockstepException e) {
            return end(new DidNotSucceed(e.failure()));
        }
        return ready();
    }

    /** Asks replica 0's worker for what is not known yet, then goes on. */
    private Behavior<Command> ready() {
        if (footprint == null) {
            ask("built the model", new WorkerMessage.Probe(setting.epoch(), setting.training(), answers));
        } else if (collective == CollectiveKind.NCCL && communicator == null) {
            ask("made an id for NCCL", new WorkerMessage.CreateCommunicatorId(setting.epoch(), answers));
        } else {
            admit();
        }
        return this;
    }

    private void ask(String what, WorkerMessage question) {
        Duration patience = setting.stepTimeout().plus(EXTRA_PATIENCE);
        LeasedWorker first = workers.get(0);
        timers.startSingleTimer(
                new Problem(new Failure(
                        FailureCategory.TIMEOUT,
                        "%s has not %s within %d s".formatted(first.deviceId(), what, patience.toSeconds()))),
                patience);
        first.worker().tell(question);
    }

    private Behavior<Command> onAnswered(Answered answered) {
        if (answered.message instanceof Released released) {
            holding.remove(released.deviceId());
            return cleanUp();
        }
        if (outcome != null) {
            return this;
        }
        if (answered.message instanceof Probed probed) {
            timers.cancelAll();
            footprint = probed.footprint();
            return ready();
        } else if (answered.message instanceof CommunicatorIdCreated created) {
            timers.cancelAll();
            communicator = created.id();
            return ready();
        } else if (answered.message instanceof WorkFailed failed) {
            return end(new DidNotSucceed(failed.failure()));
        }
        return this;
    }

    private void admit() {
        deciding = true;
        ModelFootprint known = footprint;
        getContext()
                .pipeToSelf(
                        CompletableFuture.supplyAsync(
                                () -> Admission.decide(setting, workers, known), setting.blocking()),
                        (admission, thrown) -> new Decided(
                                thrown == null
                                        ? admission
                                        : Admission.refused(
                                                memory,
                                                Failure.of(
                                                        thrown, FailureCategory.INTERNAL, "the data plane failed"))));
    }

    private Behavior<Command> onDecided(Decided decided) {
        deciding = false;
        dataPlane = decided.admission.dataPlane();
        memory = decided.admission.memory();
        if (outcome != null) {
            return cleanUp();
        }
        if (dataPlane == null) {
            return end(new DidNotSucceed(decided.admission.failure()));
        }
        TrainingLoop.Work work = new TrainingLoop.Work(
                setting.spec(),
                setting.epoch(),
                workers,
                rank -> setting.replica(rank, dataPlane.segment(), collective, communicator),
                dataPlane.feeder(),
                setting.watch().apply(workers),
                () -> setting.turns().apply(workers),
                setting.stepTimeout().plus(EXTRA_PATIENCE));
        ActorRef<TrainingLoop.Event> events = getContext().messageAdapter(TrainingLoop.Event.class, Looped::new);
        loop = getContext().spawn(TrainingLoop.create(work, events), "loop");
        getContext().watch(loop);
        return this;
    }

    private Behavior<Command> onLooped(Looped looped) {
        if (looped.event instanceof TrainingLoop.Advanced advanced && outcome == null) {
            parent.tell(new Advanced(advanced));
        } else if (looped.event instanceof TrainingLoop.Finished finished) {
            return end(new Succeeded(finished));
        } else if (looped.event instanceof TrainingLoop.Failed failed) {
            return end(new DidNotSucceed(failed.failure()));
        }
        return this;
    }

    private Behavior<Command> onCancel() {
        return end(new DidNotSucceed(new Failure(FailureCategory.CANCELLED, "cancelled by the user")));
    }

    /** The first end counts; what follows from it (other replicas aborting, a second loss) does not. */
    private Behavior<Command> end(Outcome how) {
        if (outcome != null) {
            return this;
        }
        outcome = how;
        timers.cancelAll();
        if (loop != null) {
            getContext().stop(loop);
        }
        if (dataPlane != null && how instanceof DidNotSucceed) {
            dataPlane.segment().abort();
        }
        for (LeasedWorker worker : workers) {
            holding.add(worker.deviceId());
            worker.worker().tell(new WorkerMessage.Release(setting.epoch(), answers));
        }
        timers.startSingleTimer(new ReleaseOverdue(), RELEASE_GRACE);
        return cleanUp();
    }

    private Behavior<Command> onReleaseOverdue() {
        releaseOverdue = true;
        return cleanUp();
    }

    private Behavior<Command> onLoopStopped(Terminated stopped) {
        loop = null;
        if (stopped instanceof ChildFailed failed) {
            end(new DidNotSucceed(Failure.of(failed.getCause(), FailureCategory.INTERNAL, "the training loop failed")));
        }
        return cleanUp();
    }

    /** Closes the data plane once the loop has stopped, and no worker uses it any more or has had the time to stop using it. */
    private Behavior<Command> cleanUp() {
        boolean released = holding.isEmpty() || releaseOverdue;
        if (outcome == null || loop != null || !released || deciding || closing) {
            return this;
        }
        closing = true;
        getContext()
                .pipeToSelf(
                        CompletableFuture.runAsync(this::closeNow, setting.blocking()),
                        (done, thrown) -> new Closed(
                                thrown == null
                                        ? null
                                        : Failure.of(thrown, FailureCategory.INTERNAL, "the data plane failed")));
        return this;
    }

    private void closeNow() {
        if (dataPlane == null) {
            return;
        }
        try {
            dataPlane.close();
        } catch (IOException e) {
            throw new LockstepException(
                    FailureCategory.INTERNAL, "the data plane could not be closed: " + e.getMessage(), e);
        }
    }

    private Behavior<Command> onClosed(Closed closed) {
        if (closed.failure != null && outcome instanceof Succeeded) {
            outcome = new DidNotSucceed(closed.failure);
        }
        over = true;
        setting.pool().tell(new WorkerPool.GiveBack(holding));
        parent.tell(new Ended(outcome, deviceIds(), collective, footprint, memory));
        return Behaviors.stopped();
    }

    /** When it did not come to its end, by a defect of its own: what it holds does not outlive it. */
    private Behavior<Command> onStopped() {
        if (!over) {
            setting.pool().tell(new WorkerPool.GiveBack(Set.copyOf(deviceIds())));
            // One that is being closed already must not be closed a second time beside it.
            if (dataPlane != null && !closing) {
                dataPlane.segment().abort();
                closeNow();
            }
        }
        return this;
    }

    private List<String> deviceIds() {
        return workers.stream().map(LeasedWorker::deviceId).toList();
    }
}

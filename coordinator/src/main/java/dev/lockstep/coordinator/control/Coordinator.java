package dev.lockstep.coordinator.control;

import akka.Done;
import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.ChildFailed;
import akka.actor.typed.Terminated;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import com.typesafe.config.Config;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.work.DeviceKind;
import dev.lockstep.coordinator.api.ClusterView;
import dev.lockstep.coordinator.api.DeviceView;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.gpu.GpuReading;
import dev.lockstep.coordinator.settings.RunRequest;
import dev.lockstep.coordinator.settings.RunRequests;
import dev.lockstep.coordinator.workers.Lease;
import dev.lockstep.coordinator.workers.WorkerPool;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** The cluster's head: takes commands, keeps the queue of runs, runs one after the other. */
public final class Coordinator extends AbstractBehavior<Coordinator.Command> {
    /** What the actor receives. */
    public sealed interface Command {}

    /** Describe the cluster. */
    public record Describe(ActorRef<ClusterView> replyTo) implements Command {}

    /** Accept a run, or say why not. {@code options} are the user's, by name. */
    public record Submit(Config options, ActorRef<Submission> replyTo) implements Command {}

    /** Answer with a run, if there is one with this id. */
    public record FindRun(String id, ActorRef<Optional<RunView>> replyTo) implements Command {}

    /** Answer with all runs, newest first. */
    public record ListRuns(ActorRef<List<RunView>> replyTo) implements Command {}

    /** End a run, or take it from the queue; answers as {@link FindRun} does. */
    public record CancelRun(String id, ActorRef<Optional<RunView>> replyTo) implements Command {}

    /** End everything in order: the run under way is cancelled and its report written, the workers end; then answer. */
    public record Shutdown(ActorRef<Done> replyTo) implements Command {}

    private record Leased(Lease lease) implements Command {}

    private record Described(List<DeviceView> devices, ActorRef<ClusterView> replyTo) implements Command {}

    /** {@code problem} is null when there was none. */
    private record Observed(List<DeviceView> devices, String problem, ActorRef<ClusterView> replyTo)
            implements Command {}

    /** Exactly one of {@code assignment} and {@code failure} is set. */
    private record Checked(Assignment assignment, Failure failure, ActorRef<Submission> replyTo) implements Command {}

    private record RunTold(BenchmarkRun.Event event) implements Command {}

    private record PoolStopped() implements Command {}

    /** The answer to {@link Submit}. */
    public sealed interface Submission {}

    public record Accepted(RunView run) implements Submission {}

    public record Refused(Failure failure) implements Submission {}

    /** What happens around the actor. */
    public interface Surroundings {
        /** All workers have introduced themselves: the cluster can be used. */
        void ready();

        /** The cluster cannot be used. */
        void failed(Failure failure);
    }

    private final ClusterContext cluster;
    private final CoordinatorIdentity identity;
    private final Surroundings surroundings;
    private final Preflight preflight;
    private final Map<String, RunView> runs = new LinkedHashMap<>();
    private final Deque<Assignment> queue = new ArrayDeque<>();
    private ActorRef<BenchmarkRun.Command> currentRun;
    /** Null when no run is under way. */
    private Assignment current;

    private long nextNumber = 1;
    private ActorRef<Done> stopper;

    /**
     * Creates the head of a cluster.
     *
     * @param pool the pool of workers, spawned as a child
     * @param cluster what runs share, made when the pool is there
     * @param earlier finished runs whose reports are in the run folder, oldest first
     */
    public static Behavior<Command> create(
            Behavior<WorkerPool.Command> pool,
            Function<ActorRef<WorkerPool.Command>, ClusterContext> cluster,
            CoordinatorIdentity identity,
            List<RunView> earlier,
            Surroundings surroundings) {
        return Behaviors.setup(context -> new Coordinator(
                context, cluster.apply(context.spawn(pool, "worker-pool")), identity, earlier, surroundings));
    }

    private Coordinator(
            ActorContext<Command> context,
            ClusterContext cluster,
            CoordinatorIdentity identity,
            List<RunView> earlier,
            Surroundings surroundings) {
        super(context);
        this.cluster = cluster;
        this.identity = identity;
        this.surroundings = surroundings;
        this.preflight = new Preflight(identity.runDir());
        earlier.forEach(run -> runs.put(run.id(), run));
        context.watch(cluster.pool());
        cluster.pool()
                .tell(new WorkerPool.Acquire(identity.devices(), context.messageAdapter(Lease.class, Leased::new)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Leased.class, this::onLeased)
                .onMessage(Describe.class, this::onDescribe)
                .onMessage(Described.class, this::onDescribed)
                .onMessage(Observed.class, this::onObserved)
                .onMessage(Submit.class, this::onSubmit)
                .onMessage(Checked.class, this::onChecked)
                .onMessage(FindRun.class, this::onFindRun)
                .onMessage(ListRuns.class, this::onListRuns)
                .onMessage(CancelRun.class, this::onCancelRun)
                .onMessage(RunTold.class, this::onRunTold)
                .onMessage(Shutdown.class, this::onShutdown)
                .onMessage(PoolStopped.class, stopped -> onPoolStopped())
                .onSignal(Terminated.class, this::onStopped)
                .build();
    }

    /** At the start all workers are leased once, to know that they are there. */
    private Behavior<Command> onLeased(Leased leased) {
        cluster.pool().tell(new WorkerPool.GiveBack(Set.of()));
        if (leased.lease instanceof Lease.Refused refused) {
            surroundings.failed(refused.failure());
        } else if (leased.lease instanceof Lease.Granted) {
            surroundings.ready();
        }
        return this;
    }

    private Behavior<Command> onDescribe(Describe describe) {
        ActorRef<List<DeviceView>> devices = getContext().spawnAnonymous(Behaviors.receive((context, answer) -> {
            getContext().getSelf().tell(new Described(answer, describe.replyTo));
            return Behaviors.stopped();
        }));
        cluster.pool().tell(new WorkerPool.Describe(devices));
        return this;
    }

    /** The driver is asked how the GPUs are used, off the actor's thread; without GPUs the answer goes at once. */
    private Behavior<Command> onDescribed(Described described) {
        if (!cluster.gpus().areThere()) {
            return onObserved(new Observed(described.devices, null, described.replyTo));
        }
        getContext()
                .pipeToSelf(
                        CompletableFuture.supplyAsync(() -> withUse(described.devices), cluster.blocking()),
                        (devices, thrown) -> thrown == null
                                ? new Observed(devices, null, described.replyTo)
                                : new Observed(described.devices, thrown.getMessage(), described.replyTo));
        return this;
    }

    private List<DeviceView> withUse(List<DeviceView> devices) {
        return devices.stream()
                .map(device -> {
                    GpuReading reading = cluster.gpus().read(device.id());
                    return device.withUse(reading.memoryUsedMiB(), reading.utilizationPercent());
                })
                .toList();
    }

    private Behavior<Command> onObserved(Observed observed) {
        if (observed.problem != null) {
            getContext().getLog().warn("how the GPUs are used is not known: {}", observed.problem);
        }
        observed.replyTo.tell(new ClusterView(
                identity.version(),
                identity.startedAt(),
                identity.runDir().toString(),
                observed.devices,
                current == null ? null : current.id(),
                queue.stream().map(Assignment::id).toList()));
        return this;
    }

    private Behavior<Command> onSubmit(Submit submit) {
        RunRequest request;
        try {
            request = RunRequests.read(submit.options, identity.devices(), identity.kind() == DeviceKind.CPU)
                    .withNotes(identity.notes());
        } catch (LockstepException e) {
            submit.replyTo.tell(new Refused(e.failure()));
            return this;
        }
        Instant now = Instant.now();
        long number = nextNumber++;
        getContext()
                .pipeToSelf(
                        CompletableFuture.supplyAsync(() -> preflight.check(request, now, number), cluster.blocking()),
                        (assignment, thrown) -> new Checked(
                                assignment,
                                thrown == null
                                        ? null
                                        : Failure.of(thrown, FailureCategory.INTERNAL, "the run could not be accepted"),
                                submit.replyTo));
        return this;
    }

    private Behavior<Command> onChecked(Checked checked) {
        if (checked.failure != null) {
            checked.replyTo.tell(new Refused(checked.failure));
            return this;
        }
        Assignment assignment = checked.assignment;
        RunView view = new RunBook(assignment).view();
        runs.put(assignment.id(), view);
        queue.add(assignment);
        checked.replyTo.tell(new Accepted(view));
        startNext();
        return this;
    }

    private void startNext() {
        if (currentRun != null || stopper != null || queue.isEmpty()) {
            return;
        }
        current = queue.remove();
        ActorRef<BenchmarkRun.Event> events = getContext().messageAdapter(BenchmarkRun.Event.class, RunTold::new);
        currentRun = getContext().spawn(BenchmarkRun.create(current, cluster, events), "run-" + current.id());
        getContext().watch(currentRun);
    }

    private Behavior<Command> onFindRun(FindRun find) {
        find.replyTo.tell(Optional.ofNullable(runs.get(find.id)));
        return this;
    }

    private Behavior<Command> onListRuns(ListRuns list) {
        List<RunView> newestFirst = new ArrayList<>(runs.values());
        Collections.reverse(newestFirst);
        list.replyTo.tell(newestFirst);
        return this;
    }

    private Behavior<Command> onCancelRun(CancelRun cancel) {
        if (current != null && cancel.id.equals(current.id())) {
            currentRun.tell(new BenchmarkRun.Cancel());
        }
        queue.stream()
                .filter(waiting -> waiting.id().equals(cancel.id))
                .findFirst()
                .ifPresent(this::drop);
        cancel.replyTo.tell(Optional.ofNullable(runs.get(cancel.id)));
        return this;
    }

    /** A run that never began leaves no report, only its line in the list. */
    private void drop(Assignment waiting) {
        queue.remove(waiting);
        RunBook book = new RunBook(waiting);
        book.start(Instant.now());
        book.cancel();
        book.finish(Instant.now());
        runs.put(waiting.id(), book.view());
    }

    private Behavior<Command> onRunTold(RunTold told) {
        if (told.event instanceof BenchmarkRun.Changed changed) {
            runs.put(changed.view().id(), changed.view());
        } else if (told.event instanceof BenchmarkRun.Over over) {
            onOver(over.view());
        }
        return this;
    }

    private Behavior<Command> onStopped(Terminated stopped) {
        if (!(stopped instanceof ChildFailed failed)) {
            return this;
        }
        if (stopped.getRef().path().equals(cluster.pool().path())) {
            getContext().getLog().error("the pool of workers failed, so the cluster ends", failed.getCause());
            return Behaviors.stopped();
        }
        // A run that stops by a defect has not said that it is over; its report stays as it last wrote it.
        RunBook book = new RunBook(current);
        book.start(Instant.now());
        book.fail(Failure.of(failed.getCause(), FailureCategory.INTERNAL, "the run failed")
                .message());
        book.finish(Instant.now());
        onOver(book.view());
        return this;
    }

    private void onOver(RunView run) {
        runs.put(run.id(), run);
        getContext().getLog().info("run {}: {}", run.id(), run.status());
        currentRun = null;
        current = null;
        if (stopper != null) {
            stopPool();
        } else {
            startNext();
        }
    }

    private Behavior<Command> onShutdown(Shutdown shutdown) {
        stopper = shutdown.replyTo;
        List.copyOf(queue).forEach(this::drop);
        if (currentRun == null) {
            stopPool();
        } else {
            currentRun.tell(new BenchmarkRun.Cancel());
        }
        return this;
    }

    private void stopPool() {
        cluster.pool().tell(new WorkerPool.StopAll(getContext().messageAdapter(Done.class, done -> new PoolStopped())));
    }

    private Behavior<Command> onPoolStopped() {
        stopper.tell(Done.getInstance());
        return Behaviors.stopped();
    }
}

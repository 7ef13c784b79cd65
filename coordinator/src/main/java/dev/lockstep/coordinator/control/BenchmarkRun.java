package dev.lockstep.coordinator.control;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.ChildFailed;
import akka.actor.typed.Terminated;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.report.GpuConditions;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.work.EngineInfo;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.gpu.GpuWatch;
import dev.lockstep.coordinator.report.ReportWriter;
import dev.lockstep.coordinator.workers.Lease.LeasedWorker;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Walks a plan: one measurement after the other, each on disk before the next begins. */
final class BenchmarkRun extends AbstractBehavior<BenchmarkRun.Command> {
    /** What the actor receives. */
    sealed interface Command {}

    /** End it for the user; the report is still written. */
    record Cancel() implements Command {}

    private record Measured(Measurement.Event event) implements Command {}

    /** {@code problem} is null when the GPUs could be watched, or there are none. */
    private record Watched(Measurement.Ended ended, GpuConditions gpus, String problem) implements Command {}

    /** {@code warning} is null when there is nothing to say. */
    private record Written(String warning) implements Command {}

    private record NotWritten(String reason) implements Command {}

    /** What the parent is told. */
    sealed interface Event {}

    record Changed(RunView view) implements Event {}

    /** It is over and its report is written. */
    record Over(RunView view) implements Event {}

    /**
     * The part of the available memory that a search for the largest batch may fill. The need of a batch is an estimate, and a machine
     * that is filled to the brim by a wrong one takes more with it than the replica.
     */
    private static final double SHARE_OF_A_SEARCH = 0.9;

    private final ClusterContext cluster;
    private final ActorRef<Event> parent;
    private final RunBook book;
    private final Assignment assignment;
    private final ReportWriter writer;
    private final ActorRef<Measurement.Event> events;
    private ActorRef<Measurement.Command> measurement;
    private EngineInfo engine;
    private boolean cancelled;
    /** What is looked at while measured steps run; null at other times and on CPU devices. */
    private GpuWatch watch;

    private List<String> deviceIds = List.of();
    /** What was seen of the GPUs while all measured steps ran; null before that and on CPU devices. */
    private CompletionStage<GpuConditions> seen;

    static Behavior<Command> create(Assignment assignment, ClusterContext cluster, ActorRef<Event> parent) {
        return Behaviors.setup(context -> new BenchmarkRun(context, assignment, cluster, parent));
    }

    private BenchmarkRun(
            ActorContext<Command> context, Assignment assignment, ClusterContext cluster, ActorRef<Event> parent) {
        super(context);
        this.assignment = assignment;
        this.cluster = cluster;
        this.parent = parent;
        this.book = new RunBook(assignment);
        this.writer = new ReportWriter(assignment.reportDir());
        this.events = context.messageAdapter(Measurement.Event.class, Measured::new);
        book.start(Instant.now());
        measureNext();
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Measured.class, this::onMeasured)
                .onMessage(Watched.class, this::onWatched)
                .onMessage(Written.class, this::onWritten)
                .onMessage(NotWritten.class, this::onNotWritten)
                .onMessage(Cancel.class, cancel -> onCancel())
                .onSignal(Terminated.class, this::onMeasurementStopped)
                .build();
    }

    private void measureNext() {
        MeasurementSpec spec = book.current().spec();
        long epoch = cluster.epochs().incrementAndGet();
        deviceIds = List.of();
        boolean isTry = book.current() instanceof Agenda.Try;
        StateFiles files = assignment.request().files();
        book.preparing(Instant.now());
        TrainingSpec training = training(spec);
        MeasurementSetting setting = new MeasurementSetting(
                spec,
                assignment.request().plan(),
                training,
                isTry ? new StateFiles(files.load(), null, null) : files,
                assignment.id(),
                epoch,
                cluster.footprints().find(training),
                cluster::collective,
                workers -> cluster.budgetMiB(workers) * (isTry ? SHARE_OF_A_SEARCH : 1),
                cluster.system().with(null).memoryMiB(),
                cluster.pool(),
                cluster.settings().stepTimeout(),
                cluster::watch,
                cluster::takeTurns,
                cluster.blocking());
        getContext().getLog().info("run {}: {} begins", assignment.id(), spec.id());
        measurement = getContext().spawn(Measurement.create(setting, events), "measurement-" + epoch);
        getContext().watch(measurement);
        publish();
    }

    private TrainingSpec training(MeasurementSpec spec) {
        return TrainingSpec.of(assignment.request().plan(), spec.precision());
    }

    private Behavior<Command> onMeasured(Measured measured) {
        if (measured.event instanceof Measurement.Staffed staffed) {
            engine = staffed.workers().get(0).engine();
            deviceIds = staffed.workers().stream().map(LeasedWorker::deviceId).toList();
        } else if (measured.event instanceof Measurement.Advanced advanced) {
            watchGpus(advanced.progress());
            book.advanced(advanced.progress());
        } else if (measured.event instanceof Measurement.Ended ended) {
            return onEnded(ended);
        }
        publish();
        return this;
    }

    /** From the end of the warm-up to the last step, so that nothing else is taken for it. */
    private void watchGpus(TrainingLoop.Advanced progress) {
        if (watch == null
                && seen == null
                && progress.measuring()
                && deviceIds.stream().allMatch(cluster.gpus()::has)) {
            watch = GpuWatch.start(cluster.gpus(), deviceIds);
        }
        if (watch != null && progress.measuring() && progress.stepsDone() == progress.expectedSteps()) {
            seen = watch.stop();
            watch = null;
        }
    }

    /** One that stops by a defect has not said how it ended. */
    private Behavior<Command> onMeasurementStopped(Terminated stopped) {
        if (!(stopped instanceof ChildFailed failed)) {
            return this;
        }
        Failure failure = Failure.of(failed.getCause(), FailureCategory.INTERNAL, "the measurement failed");
        double memoryMiB = cluster.system().with(null).memoryMiB();
        return onEnded(new Measurement.Ended(
                new Measurement.DidNotSucceed(failure), deviceIds, null, null, new MemoryNeed(null, null, memoryMiB)));
    }

    private Behavior<Command> onEnded(Measurement.Ended ended) {
        measurement = null;
        if (watch != null) {
            watch.abandon();
            watch = null;
        }
        CompletionStage<GpuConditions> conditions = seen == null ? CompletableFuture.completedStage(null) : seen;
        seen = null;
        getContext()
                .pipeToSelf(
                        conditions,
                        (gpus, thrown) -> new Watched(ended, gpus, thrown == null ? null : thrown.getMessage()));
        return this;
    }

    private Behavior<Command> onWatched(Watched watched) {
        Measurement.Ended ended = watched.ended;
        if (watched.problem != null) {
            getContext().getLog().warn("run {}: the GPUs could not be watched: {}", assignment.id(), watched.problem);
        }
        if (ended.footprint() != null) {
            cluster.footprints().add(training(book.current().spec()), ended.footprint());
        }
        if (ended.outcome() instanceof Measurement.DidNotSucceed failed) {
            getContext()
                    .getLog()
                    .warn("run {}: {}", assignment.id(), failed.failure().message());
        }
        book.ended(ended, watched.gpus);
        if (cancelled) {
            book.cancel();
        }
        if (book.current() == null) {
            book.finish(Instant.now());
        } else {
            publish();
        }
        write();
        return this;
    }

    /** Writes the report as the book stands; plots are drawn once there is nothing more to come, but a trace is not to be plotted. */
    private void write() {
        Report report = book.report(cluster.system().with(engine));
        boolean last = book.current() == null && assignment.request().files().trace() == null;
        getContext()
                .pipeToSelf(
                        CompletableFuture.supplyAsync(() -> write(report, last), cluster.blocking()),
                        (written, thrown) -> thrown == null
                                ? new Written(written.orElse(null))
                                : new NotWritten(Failure.of(
                                                thrown, FailureCategory.ENVIRONMENT, "the report could not be written")
                                        .message()));
    }

    private Optional<String> write(Report report, boolean last) {
        if (last) {
            return writer.writeFinal(report);
        }
        writer.write(report);
        return Optional.empty();
    }

    private Behavior<Command> onWritten(Written written) {
        if (written.warning != null) {
            getContext().getLog().warn("run {}: {}", assignment.id(), written.warning);
        }
        if (book.current() == null) {
            return over();
        }
        if (cancelled) {
            return finishEarly();
        }
        measureNext();
        return this;
    }

    /** Without its report a run is worth nothing: no further measurement is begun. */
    private Behavior<Command> onNotWritten(NotWritten notWritten) {
        book.fail(notWritten.reason);
        book.finish(Instant.now());
        return over();
    }

    private Behavior<Command> onCancel() {
        cancelled = true;
        if (measurement != null) {
            measurement.tell(new Measurement.Cancel());
        }
        return this;
    }

    /** Cancelled between two measurements, while the report was being written. */
    private Behavior<Command> finishEarly() {
        book.cancel();
        book.finish(Instant.now());
        write();
        return this;
    }

    private Behavior<Command> over() {
        parent.tell(new Over(book.view()));
        return Behaviors.stopped();
    }

    private void publish() {
        parent.tell(new Changed(book.view()));
    }
}

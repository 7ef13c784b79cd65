package dev.lockstep.worker.actor;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.protocol.MeasurementMessage;
import dev.lockstep.common.protocol.MeasurementMessage.CommunicatorIdCreated;
import dev.lockstep.common.protocol.MeasurementMessage.Prepared;
import dev.lockstep.common.protocol.MeasurementMessage.Probed;
import dev.lockstep.common.protocol.MeasurementMessage.Released;
import dev.lockstep.common.protocol.MeasurementMessage.Summarised;
import dev.lockstep.common.protocol.MeasurementMessage.WorkFailed;
import dev.lockstep.common.protocol.PoolMessage;
import dev.lockstep.common.protocol.WorkerMessage;
import dev.lockstep.common.protocol.WorkerMessage.CreateCommunicatorId;
import dev.lockstep.common.protocol.WorkerMessage.Prepare;
import dev.lockstep.common.protocol.WorkerMessage.Probe;
import dev.lockstep.common.protocol.WorkerMessage.Release;
import dev.lockstep.common.protocol.WorkerMessage.RunSteps;
import dev.lockstep.common.protocol.WorkerMessage.Stop;
import dev.lockstep.common.protocol.WorkerMessage.Summarise;
import dev.lockstep.common.work.EngineInfo;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.worker.actor.Outbox.Engagement;
import dev.lockstep.worker.step.TrainingEngine;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The worker's actor: passes what it is told to the training thread, in order, and lets the answers go back from there. It never
 * computes. It introduces itself to the pool once the engine is up and the pool is found.
 */
public final class TrainingWorker extends AbstractBehavior<TrainingWorker.Command> {
    /** What the actor receives. */
    public sealed interface Command {}

    private record Told(WorkerMessage message) implements Command {}

    private record PoolFound(ActorRef<PoolMessage> pool) implements Command {}

    private record EngineStarted(EngineInfo info) implements Command {}

    private record StartFailed(Failure failure) implements Command {}

    private record DeviceFailed(Failure failure) implements Command {}

    private final String deviceId;
    private final String token;
    private final TrainingEngine engine;
    private final TrainingThread thread;
    private final ProcessExit exit;
    /** Used on the training thread alone. */
    private final Outbox outbox;

    private EngineInfo engineInfo;
    private ActorRef<PoolMessage> pool;
    /** Of the replica that was prepared last; null when there is none. */
    private Engagement engagement;
    /** Null while the device works. */
    private Failure deviceFailure;

    /**
     * Creates the worker.
     *
     * @param deviceId the device it stands for
     * @param token what it introduces itself with
     * @param pool where it introduces itself, once that can be reached
     * @param exit ends the process
     */
    public static Behavior<Command> create(
            String deviceId,
            String token,
            CompletionStage<ActorRef<PoolMessage>> pool,
            TrainingEngine engine,
            ProcessExit exit) {
        return Behaviors.setup(context -> new TrainingWorker(context, deviceId, token, pool, engine, exit));
    }

    private TrainingWorker(
            ActorContext<Command> context,
            String deviceId,
            String token,
            CompletionStage<ActorRef<PoolMessage>> pool,
            TrainingEngine engine,
            ProcessExit exit) {
        super(context);
        this.deviceId = deviceId;
        this.token = token;
        this.engine = engine;
        this.exit = exit;
        this.thread = new TrainingThread();
        this.outbox = new Outbox();
        ActorRef<Command> self = context.getSelf();
        thread.submit(
                engine::start,
                info -> self.tell(new EngineStarted(info)),
                failure -> self.tell(new StartFailed(failure)));
        context.pipeToSelf(
                pool,
                (found, thrown) -> thrown == null
                        ? new PoolFound(found)
                        : new StartFailed(
                                Failure.of(thrown, FailureCategory.INTERNAL, "the coordinator's pool was not found")));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(PoolFound.class, this::onPoolFound)
                .onMessage(EngineStarted.class, this::onEngineStarted)
                .onMessage(StartFailed.class, this::onStartFailed)
                .onMessage(DeviceFailed.class, this::onDeviceFailed)
                .onMessage(Told.class, this::onTold)
                .build();
    }

    private Behavior<Command> onPoolFound(PoolFound found) {
        pool = found.pool;
        introduceOnceComplete();
        return this;
    }

    private Behavior<Command> onEngineStarted(EngineStarted started) {
        engineInfo = started.info;
        introduceOnceComplete();
        return this;
    }

    private void introduceOnceComplete() {
        if (pool != null && engineInfo != null) {
            ActorRef<WorkerMessage> me = getContext().messageAdapter(WorkerMessage.class, Told::new);
            pool.tell(
                    new PoolMessage.Introduce(deviceId, ProcessHandle.current().pid(), token, engineInfo, me));
        }
    }

    private Behavior<Command> onStartFailed(StartFailed failed) {
        exit.exit(ProcessExit.ENVIRONMENT, failed.failure.message());
        return Behaviors.stopped();
    }

    /** The process ends when the measurement lets go of it, so that what went wrong gets there first. */
    private Behavior<Command> onDeviceFailed(DeviceFailed failed) {
        deviceFailure = failed.failure;
        return this;
    }

    private Behavior<Command> onTold(Told told) {
        WorkerMessage message = told.message;
        if (message instanceof Probe probe) {
            onProbe(probe);
        } else if (message instanceof CreateCommunicatorId create) {
            onCreateCommunicatorId(create);
        } else if (message instanceof Prepare prepare) {
            onPrepare(prepare);
        } else if (message instanceof RunSteps steps) {
            onRunSteps(steps);
        } else if (message instanceof Summarise summarise) {
            onSummarise(summarise);
        } else if (message instanceof Release && deviceFailure != null) {
            exit.exit(ProcessExit.DEVICE, deviceFailure.message());
            return Behaviors.stopped();
        } else if (message instanceof Release release) {
            onRelease(release);
        } else if (message instanceof Stop) {
            exit.exit(ProcessExit.ORDERLY, "stopped by the coordinator");
            return Behaviors.stopped();
        }
        return this;
    }

    private void onProbe(Probe probe) {
        submit(
                probe.replyTo(),
                probe.epoch(),
                () -> engine.probe(probe.training()),
                footprint -> new Probed(probe.epoch(), footprint));
    }

    private void onCreateCommunicatorId(CreateCommunicatorId create) {
        submit(
                create.replyTo(),
                create.epoch(),
                engine::createCommunicatorId,
                id -> new CommunicatorIdCreated(create.epoch(), id));
    }

    private void onPrepare(Prepare prepare) {
        long epoch = prepare.replica().epoch();
        int rank = prepare.replica().rank();
        engagement = new Engagement(epoch, rank, prepare.replyTo());
        submit(
                prepare.replyTo(),
                epoch,
                () -> {
                    engine.prepare(prepare.replica());
                    return rank;
                },
                prepared -> new Prepared(epoch, prepared));
    }

    private void onRunSteps(RunSteps steps) {
        if (isCurrent(steps.epoch())) {
            Engagement current = engagement;
            thread.submit(
                    () -> {
                        for (StepCommand command : steps.commands()) {
                            outbox.stepDone(current, engine.runStep(command));
                        }
                        return current;
                    },
                    done -> outbox.sendHeld(),
                    failing(current.replyTo(), current.epoch()));
        }
    }

    private void onSummarise(Summarise summarise) {
        if (isCurrent(summarise.epoch())) {
            Engagement current = engagement;
            submit(
                    current.replyTo(),
                    current.epoch(),
                    engine::summarise,
                    summary -> new Summarised(current.epoch(), current.rank(), summary));
        }
    }

    private void onRelease(Release release) {
        engagement = null;
        submit(
                release.replyTo(),
                release.epoch(),
                () -> {
                    engine.release();
                    return deviceId;
                },
                released -> new Released(release.epoch(), released));
    }

    /** A command for another measurement than the prepared one is stale: whoever sent it has moved on. */
    private boolean isCurrent(long epoch) {
        if (engagement != null && engagement.epoch() == epoch) {
            return true;
        }
        getContext().getLog().warn("ignored a command of measurement {}, which is not prepared here", epoch);
        return false;
    }

    private <T> void submit(
            ActorRef<MeasurementMessage> replyTo,
            long epoch,
            Supplier<T> work,
            Function<T, MeasurementMessage> answer) {
        thread.submit(work, result -> outbox.send(replyTo, answer.apply(result)), failing(replyTo, epoch));
    }

    /** Answers with a failure; that of a device is remembered before, so that the process ends when it is let go. */
    private Consumer<Failure> failing(ActorRef<MeasurementMessage> replyTo, long epoch) {
        ActorRef<Command> self = getContext().getSelf();
        return failure -> {
            if (failure.category() == FailureCategory.DEVICE) {
                self.tell(new DeviceFailed(failure));
            }
            outbox.send(replyTo, new WorkFailed(epoch, deviceId, failure));
        };
    }
}

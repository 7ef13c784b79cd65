package dev.lockstep.coordinator.workers;

import akka.Done;
import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorRefResolver;
import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.protocol.PoolMessage;
import dev.lockstep.common.protocol.PoolMessage.Introduce;
import dev.lockstep.common.protocol.WorkerMessage;
import dev.lockstep.common.work.EngineInfo;
import dev.lockstep.common.work.Invitation;
import dev.lockstep.coordinator.api.DeviceView;
import dev.lockstep.coordinator.host.Processors;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Keeps one worker process a device, and lends the workers. One that ends is replaced, unless it ended twice in a row before it had
 * introduced itself: then its device is dead, and leases that need it are refused with the reason.
 */
public final class WorkerPool extends AbstractBehavior<WorkerPool.Command> {
    private static final int MOST_FAILED_STARTS = 2;
    private static final int TOKEN_BYTES = 32;

    /** What the actor receives. */
    public sealed interface Command {}

    /** Lend the first {@code count} devices' workers, as soon as all are ready. One lease at a time. */
    public record Acquire(int count, ActorRef<Lease> replyTo) implements Command {}

    /**
     * End the lease, or withdraw the wish for one.
     *
     * @param stuck devices whose workers did not let go of their work: they are replaced
     */
    public record GiveBack(Set<String> stuck) implements Command {
        public GiveBack {
            stuck = Set.copyOf(stuck);
        }
    }

    /** Answer with every device's state. */
    public record Describe(ActorRef<List<DeviceView>> replyTo) implements Command {}

    /** End all workers and answer when their processes are gone. */
    public record StopAll(ActorRef<Done> replyTo) implements Command {}

    record ProcessEnded(String deviceId, Failure failure) implements Command {}

    private record Introduced(Introduce introduction) implements Command {}

    private enum State {
        STARTING,
        READY,
        BUSY,
        STOPPING,
        DEAD
    }

    /** A device and the present life of its worker. */
    private static final class Slot {
        final Device device;
        State state = State.STARTING;
        String token;
        ActorRef<WorkerProcess.Command> process;
        ActorRef<WorkerMessage> worker;
        EngineInfo engine;
        Long pid;
        int failedStarts;
        Failure lastFailure;

        Slot(Device device) {
            this.device = device;
        }

        DeviceView view() {
            return new DeviceView(
                    device.id(),
                    device.name(),
                    state.name().toLowerCase(Locale.ROOT),
                    Processors.format(device.cpus()),
                    device.gpu() == null ? null : device.gpu().memoryMiB(),
                    pid,
                    null,
                    null,
                    device.gpu() == null ? null : device.gpu().computeCapability());
        }
    }

    private final Map<String, Slot> slots = new LinkedHashMap<>();
    private final WorkerLauncher launcher;
    private final Duration startTimeout;
    /** Where workers introduce themselves. */
    private final String door;

    private final SecureRandom random = new SecureRandom();
    private Acquire pending;
    private ActorRef<Lease> holder;
    private ActorRef<Done> stopper;

    /**
     * Creates the pool and starts a worker for each device.
     *
     * @param startTimeout from a worker's fork to its introduction
     */
    public static Behavior<Command> create(List<Device> devices, WorkerLauncher launcher, Duration startTimeout) {
        return Behaviors.setup(context -> new WorkerPool(context, devices, launcher, startTimeout));
    }

    private WorkerPool(
            ActorContext<Command> context, List<Device> devices, WorkerLauncher launcher, Duration startTimeout) {
        super(context);
        this.launcher = launcher;
        this.startTimeout = startTimeout;
        ActorRef<PoolMessage> introductions =
                context.messageAdapter(PoolMessage.class, message -> new Introduced((Introduce) message));
        this.door = ActorRefResolver.get(context.getSystem()).toSerializationFormat(introductions);
        for (Device device : devices) {
            Slot slot = new Slot(device);
            slots.put(device.id(), slot);
            spawn(slot);
        }
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Acquire.class, this::onAcquire)
                .onMessage(GiveBack.class, this::onGiveBack)
                .onMessage(Describe.class, this::onDescribe)
                .onMessage(StopAll.class, this::onStopAll)
                .onMessage(ProcessEnded.class, this::onProcessEnded)
                .onMessage(Introduced.class, this::onIntroduced)
                .build();
    }

    private void spawn(Slot slot) {
        byte[] token = new byte[TOKEN_BYTES];
        random.nextBytes(token);
        slot.token = HexFormat.of().formatHex(token);
        slot.state = State.STARTING;
        slot.process = getContext()
                .spawnAnonymous(WorkerProcess.create(
                        slot.device,
                        new Invitation(door, slot.token),
                        launcher,
                        startTimeout,
                        getContext().getSelf()));
    }

    private Behavior<Command> onAcquire(Acquire acquire) {
        if (holder != null || pending != null) {
            throw new IllegalStateException("the workers are lent already");
        }
        pending = acquire;
        grantIfPossible();
        return this;
    }

    private void grantIfPossible() {
        if (pending == null) {
            return;
        }
        List<Slot> wanted = slots.values().stream().limit(pending.count).toList();
        for (Slot slot : wanted) {
            if (slot.state == State.DEAD) {
                pending.replyTo.tell(new Lease.Refused(slot.lastFailure));
                pending = null;
                return;
            }
        }
        if (wanted.stream().allMatch(slot -> slot.state == State.READY)) {
            wanted.forEach(slot -> slot.state = State.BUSY);
            holder = pending.replyTo;
            pending = null;
            holder.tell(new Lease.Granted(wanted.stream()
                    .map(slot -> new Lease.LeasedWorker(
                            slot.device.id(),
                            slot.worker,
                            slot.engine,
                            slot.pid,
                            slot.device.gpu() == null ? slot.device.cpus() : List.of()))
                    .toList()));
        }
    }

    private Behavior<Command> onGiveBack(GiveBack giveBack) {
        holder = null;
        pending = null;
        for (Slot slot : slots.values()) {
            if (slot.state == State.BUSY) {
                if (giveBack.stuck.contains(slot.device.id())) {
                    slot.state = State.STOPPING;
                    slot.process.tell(new WorkerProcess.Kill());
                } else {
                    slot.state = State.READY;
                }
            }
        }
        return this;
    }

    private Behavior<Command> onDescribe(Describe describe) {
        describe.replyTo.tell(slots.values().stream().map(Slot::view).toList());
        return this;
    }

    private Behavior<Command> onStopAll(StopAll stopAll) {
        stopper = stopAll.replyTo;
        for (Slot slot : slots.values()) {
            if (slot.state == State.READY || slot.state == State.BUSY) {
                slot.worker.tell(new WorkerMessage.Stop());
                slot.process.tell(new WorkerProcess.ExpectEnd());
                slot.state = State.STOPPING;
            } else if (slot.state == State.STARTING) {
                slot.process.tell(new WorkerProcess.Kill());
                slot.state = State.STOPPING;
            }
        }
        answerStopper();
        return this;
    }

    private void answerStopper() {
        if (stopper != null && slots.values().stream().allMatch(slot -> slot.state == State.DEAD)) {
            stopper.tell(Done.getInstance());
        }
    }

    private Behavior<Command> onIntroduced(Introduced introduced) {
        Introduce introduction = introduced.introduction;
        Slot slot = slots.get(introduction.deviceId());
        if (slot == null || slot.state != State.STARTING || !slot.token.equals(introduction.token())) {
            getContext().getLog().warn("refused a stranger that calls itself {}", introduction.deviceId());
            return this;
        }
        slot.state = State.READY;
        slot.worker = introduction.worker();
        slot.engine = introduction.engine();
        slot.pid = introduction.pid();
        slot.failedStarts = 0;
        slot.process.tell(new WorkerProcess.Introduced());
        getContext().getLog().info("{} is ready (pid {})", slot.device.id(), slot.pid);
        grantIfPossible();
        return this;
    }

    private Behavior<Command> onProcessEnded(ProcessEnded ended) {
        Slot slot = slots.get(ended.deviceId);
        State before = slot.state;
        slot.pid = null;
        slot.worker = null;
        slot.lastFailure = ended.failure;
        slot.state = State.DEAD;
        if (before == State.BUSY && holder != null) {
            holder.tell(new Lease.WorkerLost(ended.deviceId, ended.failure));
        }
        if (stopper != null) {
            answerStopper();
            return this;
        }
        getContext().getLog().warn("{}", ended.failure.message());
        slot.failedStarts = before == State.STARTING ? slot.failedStarts + 1 : 0;
        if (slot.failedStarts < MOST_FAILED_STARTS) {
            spawn(slot);
        }
        grantIfPossible();
        return this;
    }
}

package dev.lockstep.coordinator.workers;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import akka.actor.typed.javadsl.TimerScheduler;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.MemoryTexts;
import dev.lockstep.common.work.Invitation;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionException;

/** One life of a worker's operating-system process: from the fork to its end, of which it tells the pool, once. */
final class WorkerProcess extends AbstractBehavior<WorkerProcess.Command> {
    private static final int QUOTED_LINES = 20;
    /** A stack follows the words that a process aborts with. */
    private static final int READ_LINES = 200;

    private static final Duration GRACE = Duration.ofSeconds(3);

    /** What the actor receives. */
    sealed interface Command {}

    /** The worker has introduced itself: it came up in time. */
    record Introduced() implements Command {}

    /** It was asked to end; see that it does. */
    record ExpectEnd() implements Command {}

    /** End it now. */
    record Kill() implements Command {}

    private record Started(WorkerLauncher.Launched launched) implements Command {}

    private record NotStarted(String reason) implements Command {}

    private record Ended(int exitCode, List<String> lastLines) implements Command {}

    private record Overdue(String what) implements Command {}

    private final Device device;
    private final ActorRef<WorkerPool.Command> pool;
    private final TimerScheduler<Command> timers;
    private WorkerLauncher.Launched launched;
    private boolean killOnceStarted;
    private String overdue;

    static Behavior<Command> create(
            Device device,
            Invitation invitation,
            WorkerLauncher launcher,
            Duration startTimeout,
            ActorRef<WorkerPool.Command> pool) {
        return Behaviors.setup(context -> Behaviors.withTimers(
                timers -> new WorkerProcess(context, timers, device, invitation, launcher, startTimeout, pool)));
    }

    private WorkerProcess(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            Device device,
            Invitation invitation,
            WorkerLauncher launcher,
            Duration startTimeout,
            ActorRef<WorkerPool.Command> pool) {
        super(context);
        this.device = device;
        this.pool = pool;
        this.timers = timers;
        timers.startSingleTimer(
                new Overdue("did not introduce itself within " + startTimeout.toSeconds() + " s and was ended"),
                startTimeout);
        context.pipeToSelf(
                launcher.launch(device, invitation),
                (started, thrown) -> thrown == null ? new Started(started) : new NotStarted(thrown.getMessage()));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Started.class, this::onStarted)
                .onMessage(NotStarted.class, this::onNotStarted)
                .onMessage(Introduced.class, introduced -> onIntroduced())
                .onMessage(ExpectEnd.class, expect -> onExpectEnd())
                .onMessage(Kill.class, kill -> onKill())
                .onMessage(Overdue.class, this::onOverdue)
                .onMessage(Ended.class, this::onEnded)
                .build();
    }

    private Behavior<Command> onStarted(Started started) {
        launched = started.launched;
        getContext()
                .pipeToSelf(
                        launched.process().onExit().thenApplyAsync(this::end),
                        (ended, thrown) -> thrown == null ? ended : new Ended(-1, List.of(thrown.getMessage())));
        if (killOnceStarted) {
            launched.process().destroyForcibly();
        }
        return this;
    }

    /** Runs on a thread of the common pool: it reads a file. */
    private Ended end(Process process) {
        try {
            return new Ended(process.exitValue(), LogTail.read(launched.log(), launched.logStart(), READ_LINES));
        } catch (IOException e) {
            throw new CompletionException(e);
        }
    }

    private Behavior<Command> onNotStarted(NotStarted notStarted) {
        Failure failure = new Failure(
                FailureCategory.ENVIRONMENT,
                "the worker process of %s could not be started: %s".formatted(device.id(), notStarted.reason));
        pool.tell(new WorkerPool.ProcessEnded(device.id(), failure));
        return Behaviors.stopped();
    }

    private Behavior<Command> onIntroduced() {
        timers.cancelAll();
        return this;
    }

    private Behavior<Command> onExpectEnd() {
        timers.startSingleTimer(new Overdue("did not stop when asked to and was ended"), GRACE);
        return this;
    }

    private Behavior<Command> onKill() {
        if (launched == null) {
            killOnceStarted = true;
        } else {
            launched.process().destroyForcibly();
        }
        return this;
    }

    private Behavior<Command> onOverdue(Overdue late) {
        overdue = late.what;
        return onKill();
    }

    private Behavior<Command> onEnded(Ended ended) {
        pool.tell(new WorkerPool.ProcessEnded(device.id(), failure(ended)));
        return Behaviors.stopped();
    }

    /** An operator that runs out of memory can end the process: it is called without anything in between that would catch it. */
    private Failure failure(Ended ended) {
        Optional<String> words = overdue == null ? MemoryTexts.lastWords(ended.lastLines) : Optional.empty();
        return words.map(text -> new Failure(
                        FailureCategory.OUT_OF_MEMORY,
                        "worker %s (pid %d) ran out of memory and ended with exit code %d: take a smaller batch per device (%s)"
                                .formatted(device.id(), launched.process().pid(), ended.exitCode, text)))
                .orElseGet(() -> new Failure(FailureCategory.WORKER_DIED, describe(ended)));
    }

    private String describe(Ended ended) {
        String how = overdue != null ? overdue : "ended with exit code " + ended.exitCode + signal(ended.exitCode);
        String where = "worker %s (pid %d) %s"
                .formatted(device.id(), launched.process().pid(), how);
        List<String> quoted =
                ended.lastLines.subList(Math.max(0, ended.lastLines.size() - QUOTED_LINES), ended.lastLines.size());
        return quoted.isEmpty()
                ? where + "; it wrote nothing to " + launched.log()
                : where + "; the last lines of " + launched.log() + ":\n" + String.join("\n", quoted);
    }

    /** Java reports a process that signal n ended as exit code 128 + n. */
    private static String signal(int exitCode) {
        return switch (exitCode) {
            case 134 -> " (SIGABRT: it aborted)";
            case 137 -> " (SIGKILL: it was killed, by a person or for lack of memory)";
            case 139 -> " (SIGSEGV: it crashed)";
            case 143 -> " (SIGTERM: it was asked to end)";
            default -> "";
        };
    }
}

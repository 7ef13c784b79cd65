package dev.lockstep.worker.actor;

import akka.actor.typed.ActorRef;
import dev.lockstep.common.protocol.MeasurementMessage;
import dev.lockstep.common.protocol.MeasurementMessage.StepsDone;
import dev.lockstep.common.work.StepReport;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Sends the training thread's answers. A message costs about as much as a short step, of the cores that the replicas need: so the
 * answers to short steps wait for each other and go as one.
 */
final class Outbox {
    /** How long after the last answer those to further steps are held at most. */
    static final Duration HOLD = Duration.ofMillis(100);

    private final List<StepReport> held = new ArrayList<>();
    private Engagement engagement;
    private long lastSent = System.nanoTime();

    /**
     * What a worker is engaged in, and whom to tell.
     *
     * @param rank of the worker's replica
     */
    record Engagement(long epoch, int rank, ActorRef<MeasurementMessage> replyTo) {}

    /** Sends an answer, and before it those that were held. */
    void send(ActorRef<MeasurementMessage> to, MeasurementMessage answer) {
        sendHeld();
        to.tell(answer);
        lastSent = System.nanoTime();
    }

    /** Answers a step, now or with a later one: whoever calls this calls {@link #sendHeld} or {@link #send} when no more are to come. */
    void stepDone(Engagement of, StepReport report) {
        engagement = of;
        held.add(report);
        if (System.nanoTime() - lastSent >= HOLD.toNanos()) {
            sendHeld();
        }
    }

    /** Sends the answers that were held, if any. */
    void sendHeld() {
        if (!held.isEmpty()) {
            engagement.replyTo.tell(new StepsDone(engagement.epoch, engagement.rank, held));
            held.clear();
            lastSent = System.nanoTime();
        }
    }
}

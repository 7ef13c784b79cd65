package dev.lockstep.worker.actor;

import akka.actor.typed.ActorRef;
import dev.lockstep.common.protocol.MeasurementMessage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * Sends the training thread's answers. Most of what a message costs is to wake the threads that carry it, and they run beside the
 * replicas: so answers to steps of a few milliseconds or less wait for each other and go together.
 */
final class Outbox {
    /** How long after the last answers those to further steps are held, if there is more work to do. */
    static final Duration HOLD = Duration.ofMillis(5);

    private final BooleanSupplier moreWork;
    private final List<Runnable> held = new ArrayList<>();
    private long lastSent = System.nanoTime();

    /** @param moreWork whether the training thread goes on as soon as it returns from here */
    Outbox(BooleanSupplier moreWork) {
        this.moreWork = moreWork;
    }

    /** Sends an answer, and before it those that were held. */
    void send(ActorRef<MeasurementMessage> to, MeasurementMessage answer) {
        held.add(() -> to.tell(answer));
        sendHeld();
    }

    /** Sends an answer now or with the next one, which is then sure to come. */
    void sendSoon(ActorRef<MeasurementMessage> to, MeasurementMessage answer) {
        held.add(() -> to.tell(answer));
        if (!moreWork.getAsBoolean() || System.nanoTime() - lastSent >= HOLD.toNanos()) {
            sendHeld();
        }
    }

    private void sendHeld() {
        held.forEach(Runnable::run);
        held.clear();
        lastSent = System.nanoTime();
    }
}

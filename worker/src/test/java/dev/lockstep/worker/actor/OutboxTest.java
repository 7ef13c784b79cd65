package dev.lockstep.worker.actor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import akka.actor.testkit.typed.javadsl.TestInbox;
import dev.lockstep.common.protocol.MeasurementMessage;
import dev.lockstep.common.protocol.MeasurementMessage.Prepared;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class OutboxTest {
    private final TestInbox<MeasurementMessage> inbox = TestInbox.create();
    private final AtomicBoolean moreWork = new AtomicBoolean(true);
    private final Outbox outbox = new Outbox(moreWork::get);

    private static MeasurementMessage answer(int number) {
        return new Prepared(1, number);
    }

    @Test
    void shouldHoldNothingWhenThereIsNoMoreWork() {
        moreWork.set(false);
        outbox.sendSoon(inbox.getRef(), answer(0));
        assertEquals(List.of(answer(0)), inbox.getAllReceived());
    }

    @Test
    void shouldSendWhatItHeldBeforeAnythingElse() {
        outbox.send(inbox.getRef(), answer(0));
        outbox.sendSoon(inbox.getRef(), answer(1));
        outbox.sendSoon(inbox.getRef(), answer(2));
        outbox.send(inbox.getRef(), answer(3));
        assertEquals(List.of(answer(0), answer(1), answer(2), answer(3)), inbox.getAllReceived());
    }

    @Test
    void shouldHoldAnswersForAWhileAndNotForLonger() {
        outbox.send(inbox.getRef(), answer(0));
        inbox.getAllReceived();
        long start = System.nanoTime();
        int sent = 0;
        int batches = 0;
        while (System.nanoTime() - start < 4 * Outbox.HOLD.toNanos()) {
            outbox.sendSoon(inbox.getRef(), answer(++sent));
            batches += inbox.getAllReceived().isEmpty() ? 0 : 1;
        }
        // One each time the hold had passed; however slow the machine is, no more.
        long most = 1 + (System.nanoTime() - start) / Outbox.HOLD.toNanos();
        assertTrue(batches >= 1 && batches <= most, batches + " batches of " + sent);
    }
}

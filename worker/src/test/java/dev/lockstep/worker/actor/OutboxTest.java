package dev.lockstep.worker.actor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import akka.actor.testkit.typed.javadsl.TestInbox;
import dev.lockstep.common.protocol.MeasurementMessage;
import dev.lockstep.common.protocol.MeasurementMessage.Prepared;
import dev.lockstep.common.protocol.MeasurementMessage.StepsDone;
import dev.lockstep.common.work.PhaseNanos;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.worker.actor.Outbox.Engagement;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class OutboxTest {
    private static final MeasurementMessage OTHER = new Prepared(1, 2);

    private final TestInbox<MeasurementMessage> inbox = TestInbox.create();
    private final Engagement engagement = new Engagement(1, 2, inbox.getRef());
    private final Outbox outbox = new Outbox();

    private static StepReport report(long step) {
        return new StepReport(step, 10, new PhaseNanos(1, 1, 1, 1, 1, 1, 1, 1), 0, null);
    }

    private static MeasurementMessage done(long... steps) {
        return new StepsDone(
                1, 2, Arrays.stream(steps).mapToObj(OutboxTest::report).toList());
    }

    @Test
    void shouldSendWhatItHeldAsOne() {
        outbox.send(inbox.getRef(), OTHER);
        outbox.stepDone(engagement, report(0));
        outbox.stepDone(engagement, report(1));
        outbox.sendHeld();
        outbox.sendHeld();
        outbox.stepDone(engagement, report(2));
        outbox.sendHeld();
        assertEquals(List.of(OTHER, done(0, 1), done(2)), inbox.getAllReceived());
    }

    @Test
    void shouldSendWhatItHeldBeforeAnythingElse() {
        outbox.send(inbox.getRef(), OTHER);
        outbox.stepDone(engagement, report(0));
        outbox.stepDone(engagement, report(1));
        outbox.send(inbox.getRef(), OTHER);
        assertEquals(List.of(OTHER, done(0, 1), OTHER), inbox.getAllReceived());
    }

    @Test
    void shouldHoldReportsForAWhileAndNotForLonger() {
        outbox.send(inbox.getRef(), OTHER);
        inbox.getAllReceived();
        long start = System.nanoTime();
        int reports = 0;
        int messages = 0;
        while (System.nanoTime() - start < 4 * Outbox.HOLD.toNanos()) {
            outbox.stepDone(engagement, report(++reports));
            messages += inbox.getAllReceived().size();
        }
        // One each time the hold had passed; however slow the machine is, no more.
        long most = 1 + (System.nanoTime() - start) / Outbox.HOLD.toNanos();
        assertTrue(messages >= 1 && messages <= most, messages + " messages of " + reports + " reports");
    }
}

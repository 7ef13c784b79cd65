package dev.lockstep.coordinator.workers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import akka.Done;
import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorRefResolver;
import com.typesafe.config.ConfigFactory;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.protocol.PoolMessage;
import dev.lockstep.common.protocol.WorkerMessage;
import dev.lockstep.common.work.DeviceKind;
import dev.lockstep.common.work.EngineInfo;
import dev.lockstep.common.work.Invitation;
import dev.lockstep.coordinator.api.DeviceView;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The pool with real processes that do nothing, introduced by the test in their stead. */
class WorkerPoolTest {
    private static final EngineInfo ENGINE = new EngineInfo("djl", "torch", null, null, 1, "malloc", "libtorch");
    private static final List<Device> DEVICES = List.of(
            new Device("cpu:0", DeviceKind.CPU, "cpu", List.of(0), 1, null),
            new Device("cpu:1", DeviceKind.CPU, "cpu", List.of(1), 1, null));

    @TempDir
    Path folder;

    private ActorTestKit testKit;
    private FakeLauncher launcher;
    private ActorRef<WorkerPool.Command> pool;

    /** A process that was started, and how its worker would introduce itself. */
    private record Birth(Device device, Invitation invitation, Process process) {}

    /** Starts processes that only sleep. */
    private final class FakeLauncher implements WorkerLauncher {
        final Map<String, BlockingQueue<Birth>> births =
                Map.of("cpu:0", new LinkedBlockingQueue<>(), "cpu:1", new LinkedBlockingQueue<>());

        @Override
        public CompletionStage<Launched> launch(Device device, Invitation invitation) {
            try {
                Path log = folder.resolve(device.id().replace(':', '-') + ".log");
                Files.writeString(log, "last words of " + device.id() + "\n");
                Process process = new ProcessBuilder("sleep", "60").start();
                births.get(device.id()).add(new Birth(device, invitation, process));
                return CompletableFuture.completedStage(new Launched(process, log, 0));
            } catch (IOException e) {
                return CompletableFuture.failedStage(e);
            }
        }

        Birth next(String deviceId) throws InterruptedException {
            Birth birth = births.get(deviceId).poll(10, TimeUnit.SECONDS);
            if (birth == null) {
                throw new AssertionError("no worker was started");
            }
            return birth;
        }
    }

    @BeforeEach
    void start() {
        testKit = ActorTestKit.create(ConfigFactory.parseString("akka.actor.provider = local"));
        launcher = new FakeLauncher();
        pool = testKit.spawn(WorkerPool.create(DEVICES, launcher, Duration.ofSeconds(30)));
    }

    @AfterEach
    void stop() {
        launcher.births.values().forEach(lives -> lives.forEach(birth -> birth.process.destroyForcibly()));
        TestProbe<Done> done = testKit.createTestProbe(Done.class);
        pool.tell(new WorkerPool.StopAll(done.getRef()));
        done.receiveMessage(Duration.ofSeconds(20));
        testKit.shutdownTestKit();
    }

    private ActorRef<PoolMessage> door(Birth birth) {
        return ActorRefResolver.get(testKit.system()).resolveActorRef(birth.invitation.pool());
    }

    private TestProbe<WorkerMessage> introduce(Birth birth) {
        TestProbe<WorkerMessage> worker = testKit.createTestProbe(WorkerMessage.class);
        door(birth)
                .tell(new PoolMessage.Introduce(
                        birth.device.id(), birth.process.pid(), birth.invitation.token(), ENGINE, worker.getRef()));
        return worker;
    }

    private TestProbe<Lease> acquire(int count) {
        TestProbe<Lease> lease = testKit.createTestProbe(Lease.class);
        pool.tell(new WorkerPool.Acquire(count, lease.getRef()));
        return lease;
    }

    private List<String> states() {
        TestProbe<List<DeviceView>> views = testKit.createTestProbe();
        pool.tell(new WorkerPool.Describe(views.getRef()));
        return views.receiveMessage().stream().map(DeviceView::state).toList();
    }

    @Test
    void shouldLendWorkersOnceAllAreIntroduced() throws InterruptedException {
        TestProbe<Lease> lease = acquire(2);
        Birth first = launcher.next("cpu:0");
        Birth second = launcher.next("cpu:1");
        introduce(first);
        lease.expectNoMessage(Duration.ofMillis(100));
        introduce(second);
        Lease.Granted granted = lease.expectMessageClass(Lease.Granted.class);
        assertEquals(
                List.of("cpu:0", "cpu:1"),
                granted.workers().stream().map(Lease.LeasedWorker::deviceId).toList());
        assertEquals(List.of("busy", "busy"), states());
        pool.tell(new WorkerPool.GiveBack(Set.of()));
        assertEquals(List.of("ready", "ready"), states());
    }

    @Test
    void shouldRefuseAStrangerWithAWrongToken() throws InterruptedException {
        Birth birth = launcher.next("cpu:0");
        introduce(new Birth(birth.device, new Invitation(birth.invitation.pool(), "guessed"), birth.process));
        assertEquals("starting", states().get(0));
        introduce(birth);
        assertEquals("ready", states().get(0));
    }

    @Test
    void shouldTellTheHolderOfADeathAndReplaceTheWorker() throws InterruptedException {
        Birth first = launcher.next("cpu:0");
        introduce(first);
        introduce(launcher.next("cpu:1"));
        TestProbe<Lease> lease = acquire(2);
        lease.expectMessageClass(Lease.Granted.class);
        first.process.destroyForcibly();
        Lease.WorkerLost lost = lease.expectMessageClass(Lease.WorkerLost.class);
        assertEquals("cpu:0", lost.deviceId());
        assertEquals(FailureCategory.WORKER_DIED, lost.failure().category());
        String message = lost.failure().message();
        assertTrue(message.contains("exit code 137"), message);
        assertTrue(message.endsWith("last words of cpu:0"), message);

        pool.tell(new WorkerPool.GiveBack(Set.of()));
        TestProbe<Lease> next = acquire(2);
        Birth replacement = launcher.next("cpu:0");
        assertFalse(replacement.invitation.token().equals(first.invitation.token()), "a new life has a new token");
        next.expectNoMessage(Duration.ofMillis(100));
        introduce(replacement);
        next.expectMessageClass(Lease.Granted.class);
    }

    @Test
    void shouldKnowAWorkerThatAbortedForLackOfMemory() throws InterruptedException, IOException {
        Birth birth = launcher.next("cpu:0");
        introduce(birth);
        TestProbe<Lease> lease = acquire(1);
        lease.expectMessageClass(Lease.Granted.class);
        Files.writeString(
                folder.resolve("cpu-0.log"),
                "  what():  can't allocate memory\n" + "frame #0\n".repeat(50),
                StandardOpenOption.APPEND);
        birth.process.destroyForcibly();
        Lease.WorkerLost lost = lease.expectMessageClass(Lease.WorkerLost.class);
        assertEquals(
                new Failure(
                        FailureCategory.OUT_OF_MEMORY,
                        "worker cpu:0 (pid %d) ran out of memory and ended with exit code 137: take a smaller batch per device (what():  can't allocate memory)"
                                .formatted(birth.process.pid())),
                lost.failure());
    }

    @Test
    void shouldGiveUpADeviceWhoseWorkerNeverComesUp() throws InterruptedException {
        Birth healthy = launcher.next("cpu:0");
        Birth sick = launcher.next("cpu:1");
        introduce(healthy);
        sick.process.destroyForcibly();
        Birth again = launcher.next("cpu:1");
        again.process.destroyForcibly();
        TestProbe<Lease> lease = acquire(2);
        Lease answer = lease.receiveMessage(Duration.ofSeconds(10));
        Lease.Refused refused = assertInstanceOf(Lease.Refused.class, answer);
        assertTrue(refused.failure().message().contains("cpu:1"), refused.failure()::message);
        assertEquals(List.of("ready", "dead"), states());
    }

    @Test
    void shouldReplaceAWorkerThatDoesNotLetGo() throws InterruptedException {
        introduce(launcher.next("cpu:0"));
        Birth stuck = launcher.next("cpu:1");
        introduce(stuck);
        TestProbe<Lease> lease = acquire(2);
        lease.expectMessageClass(Lease.Granted.class);
        pool.tell(new WorkerPool.GiveBack(Set.of("cpu:1")));
        assertEquals("cpu:1", launcher.next("cpu:1").device.id());
        assertFalse(stuck.process.isAlive());
        lease.expectNoMessage(Duration.ofMillis(100));
    }

    @Test
    void shouldAskWorkersToStopAndEndThoseThatDoNot() throws InterruptedException {
        Birth obedient = launcher.next("cpu:0");
        Birth stubborn = launcher.next("cpu:1");
        TestProbe<WorkerMessage> first = introduce(obedient);
        TestProbe<WorkerMessage> second = introduce(stubborn);
        assertEquals(List.of("ready", "ready"), states());
        TestProbe<Done> done = testKit.createTestProbe(Done.class);
        pool.tell(new WorkerPool.StopAll(done.getRef()));
        first.expectMessageClass(WorkerMessage.Stop.class);
        obedient.process.destroy();
        second.expectMessageClass(WorkerMessage.Stop.class);
        done.receiveMessage(Duration.ofSeconds(10));
        assertFalse(stubborn.process.isAlive());
    }
}

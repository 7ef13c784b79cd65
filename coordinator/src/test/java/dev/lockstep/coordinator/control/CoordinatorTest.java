package dev.lockstep.coordinator.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.actor.typed.javadsl.Behaviors;
import com.typesafe.config.ConfigFactory;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.work.DeviceKind;
import dev.lockstep.coordinator.api.ClusterView;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.gpu.ClusterGpus;
import dev.lockstep.coordinator.host.BuildInfo;
import dev.lockstep.coordinator.host.CoreTurns;
import dev.lockstep.coordinator.host.Host;
import dev.lockstep.coordinator.host.MachineFiles;
import dev.lockstep.coordinator.host.SystemDescription;
import dev.lockstep.coordinator.settings.CoordinatorSettings;
import dev.lockstep.coordinator.workers.Lease;
import dev.lockstep.coordinator.workers.WorkerPool;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of a cluster in which an actor fails by a defect; its pool and workers are played by the test. */
class CoordinatorTest {
    private static final Path NO_MACHINE = Path.of("/nonexistent");

    @TempDir
    Path folder;

    private final PlayedWorkers workers = new PlayedWorkers();
    private final TestProbe<WorkerPool.Command> pool = workers.testKit().createTestProbe(WorkerPool.Command.class);
    private ActorRef<Coordinator.Command> coordinator;

    @AfterEach
    void stop() {
        workers.testKit().shutdownTestKit();
    }

    /** What is null here fails whoever uses it. */
    private void start(Footprints footprints) {
        Host host = new Host();
        coordinator = workers.testKit()
                .spawn(Coordinator.create(
                        Behaviors.receiveMessage(message -> {
                            if (message instanceof WorkerPool.Describe) {
                                throw new IllegalStateException("a defect");
                            }
                            pool.getRef().tell(message);
                            return Behaviors.same();
                        }),
                        ref -> new ClusterContext(
                                new CoordinatorSettings(
                                        false,
                                        0,
                                        List.of(),
                                        Duration.ofSeconds(60),
                                        Duration.ofSeconds(60),
                                        Duration.ZERO,
                                        null,
                                        null),
                                host,
                                new SystemDescription(host, List.of(), 2, BuildInfo.load()),
                                ref,
                                footprints,
                                new AtomicLong(),
                                new MachineFiles(NO_MACHINE, List.of(0, 1)),
                                new CoreTurns(NO_MACHINE, Duration.ZERO),
                                Runnable::run,
                                new ClusterGpus(null, Map.of())),
                        new CoordinatorIdentity("1", Instant.now(), folder, 2, DeviceKind.CPU, List.of()),
                        List.of(),
                        new Coordinator.Surroundings() {
                            @Override
                            public void ready() {}

                            @Override
                            public void failed(Failure failure) {}
                        }));
        grant();
        assertEquals(
                Set.of(), pool.expectMessageClass(WorkerPool.GiveBack.class).stuck());
    }

    private void grant() {
        pool.expectMessageClass(WorkerPool.Acquire.class).replyTo().tell(new Lease.Granted(workers.leased()));
    }

    private RunView submit() {
        TestProbe<Coordinator.Submission> submission = workers.testKit().createTestProbe(Coordinator.Submission.class);
        coordinator.tell(new Coordinator.Submit(
                ConfigFactory.parseMap(
                        Map.of("model", "tiny", "devices", "2", "strategy", "data-parallel", "precision", "fp32")),
                submission.getRef()));
        return submission.expectMessageClass(Coordinator.Accepted.class).run();
    }

    private RunView awaitEnd(RunView run) {
        TestProbe<Optional<RunView>> found = workers.testKit().createTestProbe();
        return found.awaitAssert(() -> {
            coordinator.tell(new Coordinator.FindRun(run.id(), found.getRef()));
            RunView view = found.receiveMessage().orElseThrow();
            assertTrue(view.isOver());
            return view;
        });
    }

    @Test
    void shouldFailAMeasurementThatStopsByADefectAndReplaceItsWorkers() {
        start(new Footprints());
        RunView run = submit();
        grant();
        assertEquals(
                Set.of("cpu:0", "cpu:1"),
                pool.expectMessageClass(WorkerPool.GiveBack.class).stuck());
        RunView ended = awaitEnd(run);
        assertEquals("failed", ended.status());
        String message = ended.measurements().get(0).message();
        assertTrue(message.startsWith("the measurement failed: java.lang.NullPointerException"), message);
    }

    @Test
    void shouldFailARunThatStopsByADefectAndBeginTheNext() {
        start(null);
        RunView first = submit();
        RunView second = submit();
        for (RunView run : List.of(first, second)) {
            RunView ended = awaitEnd(run);
            assertEquals("failed", ended.status());
            assertTrue(ended.message().startsWith("the run failed: "), ended.message());
        }
    }

    @Test
    void shouldEndTheClusterWhenThePoolStopsByADefect() {
        start(new Footprints());
        coordinator.tell(new Coordinator.Describe(
                workers.testKit().createTestProbe(ClusterView.class).getRef()));
        pool.expectTerminated(coordinator);
    }
}

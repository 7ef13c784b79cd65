package dev.lockstep.coordinator.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.protocol.MeasurementMessage;
import dev.lockstep.common.protocol.WorkerMessage;
import dev.lockstep.common.report.Quality;
import dev.lockstep.common.work.CollectiveKind;
import dev.lockstep.common.work.CommunicatorId;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.Reduction;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.coordinator.host.CoreTurns;
import dev.lockstep.coordinator.workers.Lease;
import dev.lockstep.coordinator.workers.WorkerPool;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A measurement whose pool and workers are played by the test, over a real segment. */
class MeasurementTest {
    private static final ModelFootprint FOOTPRINT = PlayedWorkers.FOOTPRINT;
    private static final long EPOCH = PlayedWorkers.EPOCH;
    private static final StateFiles FILES = new StateFiles("/load", "/save", "/trace");
    private static final Duration SHORT = Duration.ofMillis(150);

    private final PlayedWorkers workers = new PlayedWorkers();
    private final TestProbe<WorkerPool.Command> pool = workers.testKit().createTestProbe(WorkerPool.Command.class);
    private final TestProbe<Measurement.Event> parent = workers.testKit().createTestProbe(Measurement.Event.class);
    private Supplier<CollectiveKind> collective = () -> CollectiveKind.SHARED_MEMORY;
    private Supplier<CoreTurns.Session> turns = PlayedWorkers::noTurns;
    private ActorRef<Measurement.Command> measurement;

    @AfterEach
    void stop() {
        workers.testKit().shutdownTestKit();
    }

    private void measure(ModelFootprint known, double budgetMiB) {
        Plan plan = PlayedWorkers.plan(Strategy.DATA_PARALLEL, 1);
        measurement = workers.testKit()
                .spawn(Measurement.create(
                        new MeasurementSetting(
                                plan.measurements().get(0),
                                plan,
                                PlayedWorkers.training(plan),
                                FILES,
                                PlayedWorkers.RUN,
                                EPOCH,
                                known,
                                deviceIds -> collective.get(),
                                leased -> budgetMiB,
                                8000,
                                pool.getRef(),
                                Duration.ofSeconds(60),
                                leased -> PlayedWorkers.watch(),
                                leased -> turns.get(),
                                Runnable::run),
                        parent.getRef()));
    }

    private ActorRef<Lease> grant() {
        ActorRef<Lease> lease =
                pool.expectMessageClass(WorkerPool.Acquire.class).replyTo();
        lease.tell(new Lease.Granted(workers.leased()));
        parent.expectMessageClass(Measurement.Staffed.class);
        return lease;
    }

    private Measurement.Ended ended() {
        return PlayedWorkers.fish(parent, Measurement.Ended.class);
    }

    private static Failure failure(Measurement.Ended ended) {
        return assertInstanceOf(Measurement.DidNotSucceed.class, ended.outcome())
                .failure();
    }

    @Test
    void shouldHaveReplicaZerosWorkerMakeTheCommunicatorId() {
        CommunicatorId id = CommunicatorId.of(new byte[] {1, 2, 3});
        collective = () -> CollectiveKind.NCCL;
        measure(null, 1e6);
        grant();
        workers.probe(0)
                .expectMessageClass(WorkerMessage.Probe.class)
                .replyTo()
                .tell(new MeasurementMessage.Probed(EPOCH, FOOTPRINT));
        workers.probe(0)
                .expectMessageClass(WorkerMessage.CreateCommunicatorId.class)
                .replyTo()
                .tell(new MeasurementMessage.CommunicatorIdCreated(EPOCH, id));

        for (WorkerMessage.Prepare prepare : workers.prepare()) {
            assertEquals(CollectiveKind.NCCL, prepare.replica().collective());
            assertEquals(id, prepare.replica().communicator());
        }
        measurement.tell(new Measurement.Cancel());
        workers.release();
        assertEquals(CollectiveKind.NCCL, ended().collective());
    }

    @Test
    void shouldFailWhenTheWorkerHasNoNccl() {
        collective = () -> CollectiveKind.NCCL;
        measure(FOOTPRINT, 1e6);
        grant();
        workers.probe(0)
                .expectMessageClass(WorkerMessage.CreateCommunicatorId.class)
                .replyTo()
                .tell(new MeasurementMessage.WorkFailed(
                        EPOCH, "cuda:0", new Failure(FailureCategory.ENVIRONMENT, "no NCCL")));
        workers.release();
        assertEquals("no NCCL", failure(ended()).message());
    }

    @Test
    void shouldFailWhenTheWantedCollectiveCannotServe() {
        collective = () -> {
            throw new LockstepException(FailureCategory.USAGE, "two share a GPU");
        };
        measure(FOOTPRINT, 1e6);
        grant();
        workers.release();
        Measurement.Ended ended = ended();
        assertEquals(FailureCategory.USAGE, failure(ended).category());
        assertNull(ended.collective());
    }

    @Test
    void shouldGoFromProbeToSummaryAndHoldNothingThen() throws IOException {
        measure(null, 1e6);
        grant();
        WorkerMessage.Probe probe = workers.probe(0).expectMessageClass(WorkerMessage.Probe.class);
        probe.replyTo().tell(new MeasurementMessage.Probed(EPOCH, FOOTPRINT));
        List<WorkerMessage.Prepare> prepares = workers.prepare();
        ReplicaSpec second = prepares.get(1).replica();
        assertEquals(1, second.rank());
        assertEquals(CollectiveKind.SHARED_MEMORY, second.collective());
        assertEquals(FILES, second.files());
        Path segment = Path.of(second.segmentPath());
        Segment.open(segment, second.layout(), PlayedWorkers.RUN, EPOCH).close();
        Object file = PlayedWorkers.fileAt(segment);
        assertNotNull(file);

        List<StepCommand> commands = workers.commands(0, 3);
        assertEquals(
                List.of(0L, 1L, 2L), commands.stream().map(StepCommand::step).toList());
        assertEquals(List.of(2, 2), commands.get(0).chunks());
        assertEquals(Reduction.SUM_TO_FIRST, commands.get(0).reduction());
        assertEquals(commands, workers.commands(1, 3));
        workers.stepDone(0);
        workers.stepDone(1);
        workers.stepDone(2);
        workers.summarise("0badcafe", "0badcafe");
        workers.release();
        Measurement.Ended ended = ended();
        Measurement.Succeeded succeeded = assertInstanceOf(Measurement.Succeeded.class, ended.outcome());
        assertEquals(2, succeeded.finished().measured().get(1).size(), "the warm-up step is left out");
        assertEquals(new Quality.WarmUp(1, 1, 1, null), succeeded.finished().warmUp());
        assertEquals(0.0, succeeded.finished().disturbance().swappedInMiB(), "the machine was watched");
        assertNull(succeeded.finished().dataWaitMillis(), "synthetic data never keeps a step waiting");
        assertEquals(FOOTPRINT, ended.footprint());
        assertEquals(
                Set.of(), pool.expectMessageClass(WorkerPool.GiveBack.class).stuck());
        assertNotEquals(file, PlayedWorkers.fileAt(segment), "the segment is gone");
    }

    @Test
    void shouldSkipWhatDoesNotFitAndGiveTheWorkersBack() {
        measure(FOOTPRINT, 239);
        grant();
        workers.release();
        Measurement.Ended ended = ended();
        assertEquals(FailureCategory.NOT_ENOUGH_MEMORY, failure(ended).category());
        assertTrue(ended.memory().neededMiB() > 239, ended::toString);
        assertEquals(239, ended.memory().availableMiB());
        assertEquals(8000, ended.memory().totalMiB());
        pool.expectMessageClass(WorkerPool.GiveBack.class);
    }

    @Test
    void shouldFailWithTheDeathOfAWorkerAndAbortTheOthers() throws IOException {
        measure(FOOTPRINT, 1e6);
        ActorRef<Lease> lease = grant();
        ReplicaSpec replica = workers.prepare().get(0).replica();
        try (Segment segment =
                Segment.open(Path.of(replica.segmentPath()), replica.layout(), PlayedWorkers.RUN, EPOCH)) {
            workers.probe(0).expectMessageClass(WorkerMessage.RunSteps.class);
            lease.tell(new Lease.WorkerLost("cpu:1", new Failure(FailureCategory.WORKER_DIED, "it died")));
            WorkerMessage.Release release = PlayedWorkers.fish(workers.probe(0), WorkerMessage.Release.class);
            assertTrue(segment.aborted());
            parent.expectNoMessage(SHORT);
            release.replyTo().tell(new MeasurementMessage.Released(EPOCH, "cpu:0"));
        }
        Failure failure = failure(ended());
        assertEquals(new Failure(FailureCategory.WORKER_DIED, "it died"), failure);
        assertEquals(
                Set.of(), pool.expectMessageClass(WorkerPool.GiveBack.class).stuck());
    }

    @Test
    void shouldFailWhenTheTrainingLoopItselfFails() {
        turns = () -> {
            throw new IllegalStateException("no turns");
        };
        measure(FOOTPRINT, 1e6);
        grant();
        workers.prepare();
        workers.probe(1).expectMessageClass(WorkerMessage.RunSteps.class);
        workers.stepDone(0);
        workers.release();
        Failure failure = failure(ended());
        assertEquals(FailureCategory.INTERNAL, failure.category());
        assertTrue(failure.message().contains("no turns"), failure::message);
    }

    @Test
    void shouldKeepTheSegmentUntilTheLoopHasStopped() throws Exception {
        CompletableFuture<Void> busy = new CompletableFuture<>();
        CompletableFuture<CoreTurns.Session> begun = new CompletableFuture<>();
        turns = () -> {
            busy.complete(null);
            return begun.join();
        };
        measure(FOOTPRINT, 1e6);
        grant();
        Path segment = Path.of(workers.prepare().get(0).replica().segmentPath());
        Object file = PlayedWorkers.fileAt(segment);
        workers.probe(1).expectMessageClass(WorkerMessage.RunSteps.class);
        workers.stepDone(0);
        busy.get(10, TimeUnit.SECONDS);
        measurement.tell(new Measurement.Cancel());
        workers.release();
        parent.expectNoMessage(SHORT);
        assertEquals(file, PlayedWorkers.fileAt(segment));
        begun.complete(PlayedWorkers.noTurns());
        assertEquals(FailureCategory.CANCELLED, failure(ended()).category());
    }

    @Test
    void shouldNameAWorkerThatDoesNotLetGo() {
        measure(FOOTPRINT, 1e6);
        grant();
        List<WorkerMessage.Prepare> prepares = workers.prepare();
        prepares.get(1)
                .replyTo()
                .tell(new MeasurementMessage.WorkFailed(
                        EPOCH, "cpu:1", new Failure(FailureCategory.OUT_OF_MEMORY, "too big")));
        PlayedWorkers.fish(workers.probe(0), WorkerMessage.Release.class)
                .replyTo()
                .tell(new MeasurementMessage.Released(EPOCH, "cpu:0"));
        Measurement.Ended ended = ended();
        assertEquals(new Failure(FailureCategory.OUT_OF_MEMORY, "cpu:1: too big"), failure(ended));
        assertEquals(1e6, ended.memory().availableMiB(), "a worker that ran out does not know what was there");
        assertEquals(
                Set.of("cpu:1"),
                pool.expectMessageClass(WorkerPool.GiveBack.class).stuck());
    }

    @Test
    void shouldEndAtOnceWhenCancelledBeforeItHasWorkers() {
        measure(FOOTPRINT, 1e6);
        pool.expectMessageClass(WorkerPool.Acquire.class);
        measurement.tell(new Measurement.Cancel());
        assertEquals(FailureCategory.CANCELLED, failure(ended()).category());
        pool.expectMessageClass(WorkerPool.GiveBack.class);
    }
}

package dev.lockstep.coordinator.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.FishingOutcomes;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import com.typesafe.config.ConfigFactory;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.plan.DataSpec;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OnOutOfMemory;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.protocol.MeasurementMessage;
import dev.lockstep.common.protocol.WorkerMessage;
import dev.lockstep.common.report.Quality;
import dev.lockstep.common.work.CollectiveKind;
import dev.lockstep.common.work.CommunicatorId;
import dev.lockstep.common.work.EngineInfo;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.PhaseNanos;
import dev.lockstep.common.work.Reduction;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.coordinator.host.MachineSample;
import dev.lockstep.coordinator.host.MachineWatch;
import dev.lockstep.coordinator.workers.Lease;
import dev.lockstep.coordinator.workers.Lease.LeasedWorker;
import dev.lockstep.coordinator.workers.WorkerPool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A measurement whose pool and workers are played by the test, over a real segment. */
class MeasurementTest {
    private static final long EPOCH = 5;
    private static final ModelFootprint FOOTPRINT = new ModelFootprint(100, 4, 112, 16, 100.0, 10.0);
    private static final StateFiles FILES = new StateFiles("/load", "/save", "/trace");
    private static final Duration SHORT = Duration.ofMillis(150);

    private ActorTestKit testKit;
    private Supplier<CollectiveKind> collective = () -> CollectiveKind.SHARED_MEMORY;
    private TestProbe<WorkerPool.Command> pool;
    private TestProbe<Measurement.Event> parent;
    private List<TestProbe<WorkerMessage>> workers;
    private ActorRef<Measurement.Command> measurement;

    @BeforeEach
    void start() {
        testKit = ActorTestKit.create(ConfigFactory.parseString("akka.actor.provider = local"));
        pool = testKit.createTestProbe(WorkerPool.Command.class);
        parent = testKit.createTestProbe(Measurement.Event.class);
        workers = IntStream.range(0, 2)
                .mapToObj(rank -> testKit.createTestProbe(WorkerMessage.class))
                .toList();
    }

    @AfterEach
    void stop() {
        testKit.shutdownTestKit();
    }

    private void measure(ModelFootprint known, double budgetMiB) {
        measure(known, budgetMiB, Strategy.DATA_PARALLEL);
    }

    private void measure(ModelFootprint known, double budgetMiB, Strategy strategy) {
        measure(known, budgetMiB, strategy, 1);
    }

    private void measure(ModelFootprint known, double budgetMiB, Strategy strategy, int warmupLimit) {
        Plan plan = new Plan(
                List.of(2),
                List.of(strategy),
                List.of(Precision.FP32),
                List.of(2),
                null,
                new ModelSpec("tiny", 5, 32, null, null),
                2,
                1,
                new OptimizerSpec(OptimizerKind.SGD, 0.1, 0, 0, false),
                MemoryFormat.CONTIGUOUS,
                new DataSpec.Synthetic(),
                0,
                false,
                1,
                OnOutOfMemory.FAIL,
                warmupLimit,
                false);
        measurement = testKit.spawn(Measurement.create(
                new Measurement.Setting(
                        plan.measurements().get(0),
                        plan,
                        TrainingSpec.of(plan, Precision.FP32),
                        FILES,
                        "run",
                        EPOCH,
                        known,
                        deviceIds -> collective.get(),
                        leased -> budgetMiB,
                        8000,
                        pool.getRef(),
                        Duration.ofSeconds(60),
                        leased -> new MachineWatch(MeasurementTest::sample, 2),
                        Runnable::run),
                parent.getRef()));
    }

    /** Of a machine that tells nothing but that it does not swap. */
    private static MachineSample sample(long nanos) {
        return new MachineSample(nanos, null, null, null, null, null, null, 5L, 7L);
    }

    private ActorRef<Lease> grant() {
        ActorRef<Lease> lease =
                pool.expectMessageClass(WorkerPool.Acquire.class).replyTo();
        EngineInfo engine = new EngineInfo("djl", "torch", null, null, 1, "malloc");
        lease.tell(new Lease.Granted(IntStream.range(0, 2)
                .mapToObj(rank -> new LeasedWorker(
                        "cpu:" + rank,
                        workers.get(rank).getRef(),
                        engine,
                        ProcessHandle.current().pid()))
                .toList()));
        parent.expectMessageClass(Measurement.Staffed.class);
        return lease;
    }

    /** Answers the preparation of both workers, and returns where they answer to. */
    private List<WorkerMessage.Prepare> prepare() {
        List<WorkerMessage.Prepare> prepares = workers.stream()
                .map(worker -> worker.expectMessageClass(WorkerMessage.Prepare.class))
                .toList();
        for (WorkerMessage.Prepare prepare : prepares) {
            prepare.replyTo()
                    .tell(new MeasurementMessage.Prepared(
                            EPOCH, prepare.replica().rank()));
        }
        return prepares;
    }

    private static StepReport report(long step) {
        return new StepReport(step, 1_000_000, new PhaseNanos(1, 2, 3, 4, 5, 6, 7, 8), 9, 0.5);
    }

    private static void stepDone(List<WorkerMessage.Prepare> prepares, long step) {
        for (int rank = 0; rank < 2; rank++) {
            prepares.get(rank).replyTo().tell(new MeasurementMessage.StepDone(EPOCH, rank, report(step)));
        }
    }

    private void summarise(List<WorkerMessage.Prepare> prepares, String... checksums) {
        for (int rank = 0; rank < 2; rank++) {
            fish(workers.get(rank), WorkerMessage.Summarise.class);
            prepares.get(rank)
                    .replyTo()
                    .tell(new MeasurementMessage.Summarised(
                            EPOCH, rank, new ReplicaSummary(checksums[rank], 10.0, "peak-resident", null, false)));
        }
    }

    private void release() {
        for (int rank = 0; rank < workers.size(); rank++) {
            fish(workers.get(rank), WorkerMessage.Release.class)
                    .replyTo()
                    .tell(new MeasurementMessage.Released(EPOCH, "cpu:" + rank));
        }
    }

    private Measurement.Ended ended() {
        return fish(parent, Measurement.Ended.class);
    }

    /** The next message of a type, whatever comes before it. */
    private static <M, T extends M> T fish(TestProbe<M> probe, Class<T> type) {
        List<M> fished = probe.fishForMessage(
                Duration.ofSeconds(10),
                message -> type.isInstance(message) ? FishingOutcomes.complete() : FishingOutcomes.continueAndIgnore());
        return type.cast(fished.get(0));
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
        workers.get(0)
                .expectMessageClass(WorkerMessage.Probe.class)
                .replyTo()
                .tell(new MeasurementMessage.Probed(EPOCH, FOOTPRINT));
        workers.get(0)
                .expectMessageClass(WorkerMessage.CreateCommunicatorId.class)
                .replyTo()
                .tell(new MeasurementMessage.CommunicatorIdCreated(EPOCH, id));

        for (WorkerMessage.Prepare prepare : prepare()) {
            assertEquals(CollectiveKind.NCCL, prepare.replica().collective());
            assertEquals(id, prepare.replica().communicator());
        }
        measurement.tell(new Measurement.Cancel());
        release();
        assertEquals(CollectiveKind.NCCL, ended().collective());
    }

    @Test
    void shouldFailWhenTheWorkerHasNoNccl() {
        collective = () -> CollectiveKind.NCCL;
        measure(FOOTPRINT, 1e6);
        grant();
        workers.get(0)
                .expectMessageClass(WorkerMessage.CreateCommunicatorId.class)
                .replyTo()
                .tell(new MeasurementMessage.WorkFailed(
                        EPOCH, "cuda:0", new Failure(FailureCategory.ENVIRONMENT, "no NCCL")));
        release();
        assertEquals("no NCCL", failure(ended()).message());
    }

    @Test
    void shouldFailWhenTheWantedCollectiveCannotServe() {
        collective = () -> {
            throw new LockstepException(FailureCategory.USAGE, "two share a GPU");
        };
        measure(FOOTPRINT, 1e6);
        grant();
        release();
        Measurement.Ended ended = ended();
        assertEquals(FailureCategory.USAGE, failure(ended).category());
        assertNull(ended.collective());
    }

    @Test
    void shouldGoFromProbeToSummaryAndHoldNothingThen() throws IOException {
        measure(null, 1e6);
        grant();
        WorkerMessage.Probe probe = workers.get(0).expectMessageClass(WorkerMessage.Probe.class);
        probe.replyTo().tell(new MeasurementMessage.Probed(EPOCH, FOOTPRINT));
        List<WorkerMessage.Prepare> prepares = prepare();
        ReplicaSpec second = prepares.get(1).replica();
        assertEquals(1, second.rank());
        assertEquals(CollectiveKind.SHARED_MEMORY, second.collective());
        assertEquals(FILES, second.files());
        Path segment = Path.of(second.segmentPath());
        Segment.open(segment, second.layout(), "run", EPOCH).close();

        workers.forEach(worker -> worker.expectMessageClass(WorkerMessage.RunStep.class));
        WorkerMessage.RunStep ahead = workers.get(0).expectMessageClass(WorkerMessage.RunStep.class);
        assertEquals(1, ahead.command().step());
        assertEquals(List.of(2, 2), ahead.command().chunks());
        assertEquals(Reduction.SUM_TO_FIRST, ahead.command().reduction());
        workers.get(1).expectMessageClass(WorkerMessage.RunStep.class);
        workers.forEach(worker -> assertEquals(
                2,
                worker.expectMessageClass(WorkerMessage.RunStep.class).command().step()));
        stepDone(prepares, 0);
        stepDone(prepares, 1);
        stepDone(prepares, 2);
        summarise(prepares, "0badcafe", "0badcafe");
        release();
        Measurement.Ended ended = ended();
        Measurement.Succeeded succeeded = assertInstanceOf(Measurement.Succeeded.class, ended.outcome());
        assertEquals(2, succeeded.finished().measured().get(1).size(), "the warm-up step is left out");
        assertEquals(new Quality.WarmUp(1, 1, 1, null), succeeded.finished().warmUp());
        assertEquals(0.0, succeeded.finished().disturbance().swappedInMiB(), "the machine was watched");
        assertNull(succeeded.finished().dataWaitMillis(), "synthetic data never keeps a step waiting");
        assertEquals(FOOTPRINT, ended.footprint());
        assertEquals(
                Set.of(), pool.expectMessageClass(WorkerPool.GiveBack.class).stuck());
        assertTrue(Files.notExists(segment), "the segment is gone");
    }

    @Test
    void shouldGoOnWarmingUpUntilTheStepTimeIsSteady() {
        measure(FOOTPRINT, 1e6, Strategy.DATA_PARALLEL, 20);
        grant();
        List<WorkerMessage.Prepare> prepares = prepare();
        for (long step = 0; step < 8; step++) {
            stepDone(
                    prepares,
                    fish(workers.get(0), WorkerMessage.RunStep.class).command().step());
        }
        // Progress is told now and then, and at the end.
        TrainingLoop.Advanced progress;
        do {
            progress = parent.expectMessageClass(Measurement.Advanced.class).progress();
            int done = progress.stepsDone();
            assertEquals(
                    done < 6
                            ? new TrainingLoop.Advanced(done, done + 3, false)
                            : new TrainingLoop.Advanced(done, 8, true),
                    progress);
        } while (progress.stepsDone() < 8);
        summarise(prepares, "0badcafe", "0badcafe");
        release();
        TrainingLoop.Finished finished =
                assertInstanceOf(Measurement.Succeeded.class, ended().outcome()).finished();
        assertEquals(new Quality.WarmUp(6, 1, 20, true), finished.warmUp());
        assertEquals(
                List.of(6L, 7L),
                finished.measured().get(1).stream().map(StepReport::step).toList());
    }

    @Test
    void shouldFailWhenReplicasEndWithDifferentParameters() {
        measure(FOOTPRINT, 1e6, Strategy.ALL_REDUCE);
        grant();
        List<WorkerMessage.Prepare> prepares = prepare();
        for (long step = 0; step < 3; step++) {
            for (TestProbe<WorkerMessage> worker : workers) {
                WorkerMessage.RunStep commanded = worker.expectMessageClass(WorkerMessage.RunStep.class);
                assertEquals(Reduction.SUM_TO_ALL, commanded.command().reduction());
            }
            stepDone(prepares, step);
        }
        summarise(prepares, "0badcafe", "00c0ffee");
        release();
        assertEquals(
                new Failure(
                        FailureCategory.INTERNAL,
                        "the replicas' parameters differ at the end, by checksum: 0badcafe on rank 0; 00c0ffee on rank 1"),
                failure(ended()));
    }

    @Test
    void shouldSkipWhatDoesNotFitAndGiveTheWorkersBack() {
        measure(FOOTPRINT, 239);
        grant();
        release();
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
        ReplicaSpec replica = prepare().get(0).replica();
        try (Segment segment = Segment.open(Path.of(replica.segmentPath()), replica.layout(), "run", EPOCH)) {
            workers.get(0).expectMessageClass(WorkerMessage.RunStep.class);
            lease.tell(new Lease.WorkerLost("cpu:1", new Failure(FailureCategory.WORKER_DIED, "it died")));
            WorkerMessage.Release release = fish(workers.get(0), WorkerMessage.Release.class);
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
    void shouldNameAWorkerThatDoesNotLetGo() {
        measure(FOOTPRINT, 1e6);
        grant();
        List<WorkerMessage.Prepare> prepares = prepare();
        prepares.get(1)
                .replyTo()
                .tell(new MeasurementMessage.WorkFailed(
                        EPOCH, "cpu:1", new Failure(FailureCategory.OUT_OF_MEMORY, "too big")));
        fish(workers.get(0), WorkerMessage.Release.class)
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

    @Test
    void shouldFailOnASurplusAnswer() {
        measure(FOOTPRINT, 1e6);
        grant();
        List<WorkerMessage.Prepare> prepares = prepare();
        workers.get(0).expectMessageClass(WorkerMessage.RunStep.class);
        prepares.get(0).replyTo().tell(new MeasurementMessage.StepDone(EPOCH, 0, report(0)));
        prepares.get(0).replyTo().tell(new MeasurementMessage.StepDone(EPOCH, 0, report(0)));
        release();
        assertEquals(FailureCategory.INTERNAL, failure(ended()).category());
    }

    @Test
    void shouldIgnoreAnswersToAnEarlierMeasurement() {
        measure(FOOTPRINT, 1e6);
        grant();
        List<WorkerMessage.Prepare> prepares = prepare();
        workers.get(0).expectMessageClass(WorkerMessage.RunStep.class);
        prepares.get(0)
                .replyTo()
                .tell(new MeasurementMessage.WorkFailed(
                        EPOCH - 1, "cpu:0", new Failure(FailureCategory.INTERNAL, "old")));
        parent.expectNoMessage(SHORT);
        measurement.tell(new Measurement.Cancel());
        release();
        assertEquals(FailureCategory.CANCELLED, failure(ended()).category());
    }
}

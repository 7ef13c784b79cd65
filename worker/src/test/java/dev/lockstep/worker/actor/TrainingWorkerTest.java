package dev.lockstep.worker.actor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import com.typesafe.config.ConfigFactory;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.SegmentLayout;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.protocol.MeasurementMessage;
import dev.lockstep.common.protocol.PoolMessage;
import dev.lockstep.common.protocol.WorkerMessage;
import dev.lockstep.common.work.CollectiveKind;
import dev.lockstep.common.work.CommunicatorId;
import dev.lockstep.common.work.EngineInfo;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.PhaseNanos;
import dev.lockstep.common.work.Reduction;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.worker.step.TrainingEngine;
import java.time.Duration;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The worker's actor with an engine that only notes what it is asked. */
class TrainingWorkerTest {
    private static final TrainingSpec TRAINING = new TrainingSpec(
            new ModelSpec("tiny", 5, 32, null, null),
            Precision.FP32,
            new OptimizerSpec(OptimizerKind.SGD, 0.1, 0, 0, false),
            MemoryFormat.CONTIGUOUS,
            0);
    private static final StepReport REPORT = new StepReport(0, 10, new PhaseNanos(1, 1, 1, 1, 1, 1, 1, 1), 0, 2.5);

    private ActorTestKit testKit;
    private NotingEngine engine;
    private TestProbe<PoolMessage> pool;
    private final CompletableFuture<ActorRef<PoolMessage>> foundPool = new CompletableFuture<>();
    private TestProbe<MeasurementMessage> measurement;
    private static final CommunicatorId COMMUNICATOR = CommunicatorId.of(new byte[128]);

    private final CompletableFuture<Integer> exit = new CompletableFuture<>();

    /** Notes every call and the thread it came on. */
    private static final class NotingEngine implements TrainingEngine {
        final BlockingQueue<String> calls = new LinkedBlockingQueue<>();
        final BlockingQueue<String> threads = new LinkedBlockingQueue<>();
        Supplier<StepReport> step = () -> REPORT;
        RuntimeException startFailure;

        private void note(String call) {
            calls.add(call);
            threads.add(Thread.currentThread().getName());
        }

        @Override
        public EngineInfo start() {
            note("start");
            if (startFailure != null) {
                throw startFailure;
            }
            return new EngineInfo("djl", "torch", null, null, 1, "malloc", "libtorch");
        }

        @Override
        public ModelFootprint probe(TrainingSpec training) {
            note("probe");
            return new ModelFootprint(1, 1, 16, 16, null, null);
        }

        @Override
        public CommunicatorId createCommunicatorId() {
            note("create communicator id");
            return COMMUNICATOR;
        }

        @Override
        public void prepare(ReplicaSpec replica) {
            note("prepare");
        }

        @Override
        public StepReport runStep(StepCommand command) {
            note("step " + command.step());
            return step.get();
        }

        @Override
        public ReplicaSummary summarise() {
            note("summarise");
            return new ReplicaSummary("0badcafe", null, null, null, false);
        }

        @Override
        public void release() {
            note("release");
        }
    }

    @BeforeEach
    void start() {
        testKit = ActorTestKit.create(ConfigFactory.parseString("akka.actor.provider = local"));
        engine = new NotingEngine();
        pool = testKit.createTestProbe(PoolMessage.class);
        measurement = testKit.createTestProbe(MeasurementMessage.class);
    }

    @AfterEach
    void stop() {
        testKit.shutdownTestKit();
    }

    private ActorRef<WorkerMessage> introducedWorker() {
        testKit.spawn(
                TrainingWorker.create("cpu:0", "secret", foundPool, engine, (status, reason) -> exit.complete(status)));
        pool.expectNoMessage(Duration.ofMillis(100));
        foundPool.complete(pool.getRef());
        PoolMessage.Introduce introduction =
                pool.expectMessageClass(PoolMessage.Introduce.class, Duration.ofSeconds(10));
        assertEquals("cpu:0", introduction.deviceId());
        assertEquals("secret", introduction.token());
        assertEquals(ProcessHandle.current().pid(), introduction.pid());
        return introduction.worker();
    }

    private WorkerMessage.Prepare prepare(long epoch) {
        ReplicaSpec replica = new ReplicaSpec(
                "run",
                epoch,
                1,
                2,
                Strategy.DATA_PARALLEL,
                TRAINING,
                StateFiles.NONE,
                "/nowhere",
                new SegmentLayout(2, 4, 3072, 5, 16, 16),
                CollectiveKind.SHARED_MEMORY,
                null);
        return new WorkerMessage.Prepare(replica, measurement.getRef());
    }

    private static WorkerMessage.RunSteps steps(long epoch, long... steps) {
        return new WorkerMessage.RunSteps(
                epoch,
                Arrays.stream(steps)
                        .mapToObj(step -> new StepCommand(step, 0, List.of(2, 2), Reduction.SUM_TO_FIRST))
                        .toList());
    }

    @Test
    void shouldDoAllWorkInOrderOnOneThread() throws InterruptedException {
        ActorRef<WorkerMessage> worker = introducedWorker();
        worker.tell(new WorkerMessage.Probe(7, TRAINING, measurement.getRef()));
        worker.tell(new WorkerMessage.CreateCommunicatorId(7, measurement.getRef()));
        worker.tell(prepare(7));
        worker.tell(steps(7, 0));
        worker.tell(steps(7, 1));
        worker.tell(new WorkerMessage.Summarise(7));
        worker.tell(new WorkerMessage.Release(7, measurement.getRef()));
        measurement.expectMessageClass(MeasurementMessage.Probed.class);
        measurement.expectMessage(new MeasurementMessage.CommunicatorIdCreated(7, COMMUNICATOR));
        measurement.expectMessage(new MeasurementMessage.Prepared(7, 1));
        measurement.expectMessage(new MeasurementMessage.StepsDone(7, 1, List.of(REPORT)));
        measurement.expectMessage(new MeasurementMessage.StepsDone(7, 1, List.of(REPORT)));
        measurement.expectMessageClass(MeasurementMessage.Summarised.class);
        measurement.expectMessage(new MeasurementMessage.Released(7, "cpu:0"));
        assertEquals(
                List.of(
                        "start",
                        "probe",
                        "create communicator id",
                        "prepare",
                        "step 0",
                        "step 1",
                        "summarise",
                        "release"),
                List.copyOf(engine.calls));
        assertEquals(1, engine.threads.stream().distinct().count());
        assertEquals("training", engine.threads.take());
    }

    @Test
    void shouldAnswerAGroupOfShortStepsInOneMessage() {
        ActorRef<WorkerMessage> worker = introducedWorker();
        worker.tell(prepare(7));
        measurement.expectMessageClass(MeasurementMessage.Prepared.class);

        worker.tell(steps(7, 0, 1, 2));

        measurement.expectMessage(new MeasurementMessage.StepsDone(7, 1, List.of(REPORT, REPORT, REPORT)));
        measurement.expectNoMessage(Duration.ofMillis(100));
        assertEquals(List.of("start", "prepare", "step 0", "step 1", "step 2"), List.copyOf(engine.calls));
    }

    @Test
    void shouldTellWhatWasDoneOfAGroupAndEndItWithAFailure() {
        ActorRef<WorkerMessage> worker = introducedWorker();
        worker.tell(prepare(7));
        measurement.expectMessageClass(MeasurementMessage.Prepared.class);
        Iterator<Supplier<StepReport>> outcomes = List.<Supplier<StepReport>>of(() -> REPORT, () -> {
                    throw new LockstepException(FailureCategory.TIMEOUT, "rank 0 is late");
                })
                .iterator();
        engine.step = () -> outcomes.next().get();

        worker.tell(steps(7, 0, 1, 2));

        measurement.expectMessage(new MeasurementMessage.StepsDone(7, 1, List.of(REPORT)));
        measurement.expectMessageClass(MeasurementMessage.WorkFailed.class);
        measurement.expectNoMessage(Duration.ofMillis(100));
        assertEquals(List.of("start", "prepare", "step 0", "step 1"), List.copyOf(engine.calls));
    }

    @Test
    void shouldIgnoreStepsOfAMeasurementThatIsNotPrepared() throws InterruptedException {
        ActorRef<WorkerMessage> worker = introducedWorker();
        worker.tell(steps(7, 0));
        worker.tell(prepare(8));
        worker.tell(steps(7, 0));
        worker.tell(new WorkerMessage.Release(8, measurement.getRef()));
        worker.tell(steps(8, 0));
        measurement.expectMessage(new MeasurementMessage.Prepared(8, 1));
        measurement.expectMessage(new MeasurementMessage.Released(8, "cpu:0"));
        measurement.expectNoMessage(Duration.ofMillis(100));
        assertEquals(List.of("start", "prepare", "release"), List.copyOf(engine.calls));
    }

    @Test
    void shouldReportFailuresAsTextAndCategory() {
        ActorRef<WorkerMessage> worker = introducedWorker();
        worker.tell(prepare(7));
        measurement.expectMessageClass(MeasurementMessage.Prepared.class);

        engine.step = () -> {
            throw new LockstepException(FailureCategory.TIMEOUT, "rank 0 is late");
        };
        worker.tell(steps(7, 0));
        measurement.expectMessage(
                new MeasurementMessage.WorkFailed(7, "cpu:0", new Failure(FailureCategory.TIMEOUT, "rank 0 is late")));

        engine.step = () -> {
            throw new IllegalStateException("first line\nsecond line");
        };
        worker.tell(steps(7, 1));
        Failure defect = measurement
                .expectMessageClass(MeasurementMessage.WorkFailed.class)
                .failure();
        assertEquals(FailureCategory.INTERNAL, defect.category());
        assertEquals("IllegalStateException: first line", defect.message());

        engine.step = () -> {
            throw new OutOfMemoryError("Java heap space");
        };
        worker.tell(steps(7, 2));
        assertEquals(
                FailureCategory.OUT_OF_MEMORY,
                measurement
                        .expectMessageClass(MeasurementMessage.WorkFailed.class)
                        .failure()
                        .category());
    }

    @Test
    void shouldEndTheProcessWhenTheEngineDoesNotStart() throws Exception {
        engine.startFailure = new LockstepException(FailureCategory.ENVIRONMENT, "no libtorch");
        testKit.spawn(TrainingWorker.create("cpu:0", "secret", foundPool, engine, (status, reason) -> {
            assertTrue(reason.contains("no libtorch"));
            exit.complete(status);
        }));
        assertEquals(ProcessExit.ENVIRONMENT, exit.get(10, TimeUnit.SECONDS));
    }

    @Test
    void shouldEndTheProcessOnceAFailedDevicesMeasurementLetsGo() throws Exception {
        ActorRef<WorkerMessage> worker = introducedWorker();
        worker.tell(prepare(7));
        measurement.expectMessageClass(MeasurementMessage.Prepared.class);
        Failure failure = new Failure(FailureCategory.DEVICE, "CUDA error: an illegal memory access was encountered");
        engine.step = () -> {
            throw new LockstepException(failure.category(), failure.message());
        };

        worker.tell(steps(7, 0));
        measurement.expectMessage(new MeasurementMessage.WorkFailed(7, "cpu:0", failure));
        assertFalse(exit.isDone(), "what went wrong goes first");
        worker.tell(new WorkerMessage.Release(7, measurement.getRef()));

        assertEquals(ProcessExit.DEVICE, exit.get(10, TimeUnit.SECONDS));
        assertEquals(List.of("start", "prepare", "step 0"), List.copyOf(engine.calls));
    }

    @Test
    void shouldEndTheProcessWhenToldTo() throws Exception {
        introducedWorker().tell(new WorkerMessage.Stop());
        assertEquals(ProcessExit.ORDERLY, exit.get(10, TimeUnit.SECONDS));
    }
}

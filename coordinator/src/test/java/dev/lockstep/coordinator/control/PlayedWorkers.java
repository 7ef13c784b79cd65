package dev.lockstep.coordinator.control;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.FishingOutcomes;
import akka.actor.testkit.typed.javadsl.TestProbe;
import com.typesafe.config.ConfigFactory;
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
import dev.lockstep.common.work.EngineInfo;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.PhaseNanos;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.coordinator.host.CoreTurns;
import dev.lockstep.coordinator.host.MachineSample;
import dev.lockstep.coordinator.host.MachineWatch;
import dev.lockstep.coordinator.workers.Lease.LeasedWorker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Two workers that a test plays, and the small plan that they are measured with. */
final class PlayedWorkers {
    static final String RUN = "run";
    static final long EPOCH = 5;
    static final ModelFootprint FOOTPRINT = new ModelFootprint(100, 4, 112, 16, 100.0, 10.0);

    private static final EngineInfo ENGINE = new EngineInfo("djl", "torch", null, null, 1, "malloc", "libtorch");

    private final ActorTestKit testKit = ActorTestKit.create(ConfigFactory.parseString("akka.actor.provider = local"));
    private final List<TestProbe<WorkerMessage>> probes = IntStream.range(0, 2)
            .mapToObj(rank -> testKit.createTestProbe(WorkerMessage.class))
            .toList();
    private List<WorkerMessage.Prepare> prepares = List.of();

    /** One warm-up step at least, two measured ones, two images a replica. */
    static Plan plan(Strategy strategy, int warmupLimit) {
        return plan(strategy, warmupLimit, new DataSpec.Synthetic());
    }

    static Plan plan(Strategy strategy, int warmupLimit, DataSpec data) {
        return new Plan(
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
                data,
                0,
                false,
                1,
                OnOutOfMemory.FAIL,
                warmupLimit,
                false);
    }

    static TrainingSpec training(Plan plan) {
        return TrainingSpec.of(plan, Precision.FP32);
    }

    /** Over a machine that tells nothing but that it does not swap. */
    static CoreTurns.Session noTurns() {
        return new CoreTurns(Path.of("/"), Duration.ZERO).begin(List.of());
    }

    static MachineWatch watch() {
        return new MachineWatch(nanos -> new MachineSample(nanos, null, null, null, null, null, null, 5L, 7L), 2);
    }

    static StepReport report(long step) {
        return new StepReport(step, 1_000_000, new PhaseNanos(1, 2, 3, 4, 5, 6, 7, 8), 9, 0.5);
    }

    /**
     * Which file a path leads to; null when to none. A segment's path names a descriptor, whose number the next file that this process
     * opens may get: that there is something does not say that it is still the segment.
     */
    static Object fileAt(Path path) throws IOException {
        try {
            return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
        } catch (NoSuchFileException e) {
            return null;
        }
    }

    /** The next message of a type, whatever comes before it. */
    static <M, T extends M> T fish(TestProbe<M> probe, Class<T> type) {
        List<M> fished = probe.fishForMessage(
                Duration.ofSeconds(10),
                message -> type.isInstance(message) ? FishingOutcomes.complete() : FishingOutcomes.continueAndIgnore());
        return type.cast(fished.get(0));
    }

    ActorTestKit testKit() {
        return testKit;
    }

    List<TestProbe<WorkerMessage>> probes() {
        return probes;
    }

    TestProbe<WorkerMessage> probe(int rank) {
        return probes.get(rank);
    }

    List<LeasedWorker> leased() {
        return IntStream.range(0, probes.size())
                .mapToObj(rank -> new LeasedWorker(
                        "cpu:" + rank,
                        probe(rank).getRef(),
                        ENGINE,
                        ProcessHandle.current().pid(),
                        List.of()))
                .toList();
    }

    /** Answers the preparation of all, which says where they answer to from then on. */
    List<WorkerMessage.Prepare> prepare() {
        prepares = probes.stream()
                .map(probe -> probe.expectMessageClass(WorkerMessage.Prepare.class))
                .toList();
        for (WorkerMessage.Prepare prepare : prepares) {
            answer(
                    prepare.replica().rank(),
                    new MeasurementMessage.Prepared(EPOCH, prepare.replica().rank()));
        }
        return prepares;
    }

    void answer(int rank, MeasurementMessage message) {
        prepares.get(rank).replyTo().tell(message);
    }

    /** The next commands of a rank, in however many groups they come. */
    List<StepCommand> commands(int rank, int count) {
        List<StepCommand> commands = new ArrayList<>();
        while (commands.size() < count) {
            commands.addAll(
                    probe(rank).expectMessageClass(WorkerMessage.RunSteps.class).commands());
        }
        return commands;
    }

    void stepDone(long step) {
        for (int rank = 0; rank < probes.size(); rank++) {
            answer(rank, new MeasurementMessage.StepsDone(EPOCH, rank, List.of(report(step))));
        }
    }

    void summarise(String... checksums) {
        for (int rank = 0; rank < probes.size(); rank++) {
            fish(probe(rank), WorkerMessage.Summarise.class);
            ReplicaSummary summary = new ReplicaSummary(checksums[rank], 10.0, "peak-resident", null, false);
            answer(rank, new MeasurementMessage.Summarised(EPOCH, rank, summary));
        }
    }

    void release() {
        for (int rank = 0; rank < probes.size(); rank++) {
            fish(probe(rank), WorkerMessage.Release.class)
                    .replyTo()
                    .tell(new MeasurementMessage.Released(EPOCH, "cpu:" + rank));
        }
    }
}

package dev.lockstep.coordinator.control;

import static org.junit.jupiter.api.Assertions.assertEquals;

import akka.actor.testkit.typed.javadsl.TestProbe;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.protocol.MeasurementMessage;
import dev.lockstep.common.protocol.WorkerMessage;
import dev.lockstep.common.report.Quality;
import dev.lockstep.common.work.CollectiveKind;
import dev.lockstep.common.work.Reduction;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.common.work.StepReport;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A training loop whose workers are played by the test, over a real segment. */
class TrainingLoopTest {
    private static final Duration SHORT = Duration.ofMillis(150);

    private final PlayedWorkers workers = new PlayedWorkers();
    private final TestProbe<TrainingLoop.Event> parent = workers.testKit().createTestProbe(TrainingLoop.Event.class);
    private DataPlane dataPlane;

    @AfterEach
    void stop() throws IOException {
        workers.testKit().shutdownTestKit();
        dataPlane.close();
    }

    private void train(Strategy strategy, int warmupLimit, Duration patience) {
        Plan plan = PlayedWorkers.plan(strategy, warmupLimit);
        MeasurementSpec spec = plan.measurements().get(0);
        dataPlane = DataPlane.open(
                spec,
                plan,
                DataPlane.layout(spec, plan, PlayedWorkers.FOOTPRINT),
                PlayedWorkers.RUN,
                PlayedWorkers.EPOCH);
        TrainingLoop.Work work = new TrainingLoop.Work(
                spec,
                PlayedWorkers.EPOCH,
                workers.leased(),
                rank -> new ReplicaSpec(
                        PlayedWorkers.RUN,
                        PlayedWorkers.EPOCH,
                        rank,
                        spec.deviceCount(),
                        strategy,
                        PlayedWorkers.training(plan),
                        new StateFiles(null, null, null),
                        dataPlane.segment().path().toString(),
                        dataPlane.segment().layout(),
                        CollectiveKind.SHARED_MEMORY,
                        null),
                dataPlane.feeder(),
                PlayedWorkers.watch(),
                PlayedWorkers::noTurns,
                patience);
        workers.testKit().spawn(TrainingLoop.create(work, parent.getRef()));
    }

    private void train(Strategy strategy) {
        train(strategy, 1, Duration.ofSeconds(60));
    }

    private Failure failure() {
        return PlayedWorkers.fish(parent, TrainingLoop.Failed.class).failure();
    }

    @Test
    void shouldGoOnWarmingUpUntilTheStepTimeIsSteady() {
        train(Strategy.DATA_PARALLEL, 20, Duration.ofSeconds(60));
        workers.prepare();
        for (long step = 0; step < 8; ) {
            for (StepCommand command : PlayedWorkers.fish(workers.probe(0), WorkerMessage.RunSteps.class)
                    .commands()) {
                workers.stepDone(command.step());
                step++;
            }
        }
        // Progress is told now and then, and at the end.
        TrainingLoop.Advanced progress;
        do {
            progress = parent.expectMessageClass(TrainingLoop.Advanced.class);
            int done = progress.stepsDone();
            assertEquals(
                    done < 6
                            ? new TrainingLoop.Advanced(done, done + 3, false)
                            : new TrainingLoop.Advanced(done, 8, true),
                    progress);
        } while (progress.stepsDone() < 8);
        workers.summarise("0badcafe", "0badcafe");
        TrainingLoop.Finished finished = parent.expectMessageClass(TrainingLoop.Finished.class);
        assertEquals(new Quality.WarmUp(6, 1, 20, true), finished.warmUp());
        assertEquals(
                List.of(6L, 7L),
                finished.measured().get(1).stream().map(StepReport::step).toList());
    }

    @Test
    void shouldFailWhenReplicasEndWithDifferentParameters() {
        train(Strategy.ALL_REDUCE);
        workers.prepare();
        for (int rank = 0; rank < 2; rank++) {
            for (StepCommand command : workers.commands(rank, 3)) {
                assertEquals(Reduction.SUM_TO_ALL, command.reduction());
            }
        }
        for (long step = 0; step < 3; step++) {
            workers.stepDone(step);
        }
        workers.summarise("0badcafe", "00c0ffee");
        assertEquals(
                new Failure(
                        FailureCategory.INTERNAL,
                        "the replicas' parameters differ at the end, by checksum: 0badcafe on rank 0; 00c0ffee on rank 1"),
                failure());
    }

    @Test
    void shouldCommandAndTakeAnswersInGroups() {
        train(Strategy.DATA_PARALLEL);
        // By then all batches are in their slots.
        parent.expectNoMessage(Duration.ofSeconds(1));
        workers.prepare();
        for (int rank = 0; rank < 2; rank++) {
            WorkerMessage.RunSteps group = workers.probe(rank).expectMessageClass(WorkerMessage.RunSteps.class);
            assertEquals(3, group.commands().size());
            List<StepReport> reports = group.commands().stream()
                    .map(command -> PlayedWorkers.report(command.step()))
                    .toList();
            workers.answer(rank, new MeasurementMessage.StepsDone(PlayedWorkers.EPOCH, rank, reports));
        }
        assertEquals(new TrainingLoop.Advanced(3, 3, true), parent.expectMessageClass(TrainingLoop.Advanced.class));
        workers.summarise("0badcafe", "0badcafe");
        assertEquals(
                2,
                parent.expectMessageClass(TrainingLoop.Finished.class)
                        .measured()
                        .get(1)
                        .size());
    }

    @Test
    void shouldFailOnASurplusAnswer() {
        train(Strategy.DATA_PARALLEL);
        workers.prepare();
        workers.probe(0).expectMessageClass(WorkerMessage.RunSteps.class);
        for (int answer = 0; answer < 2; answer++) {
            workers.answer(
                    0, new MeasurementMessage.StepsDone(PlayedWorkers.EPOCH, 0, List.of(PlayedWorkers.report(0))));
        }
        assertEquals(FailureCategory.INTERNAL, failure().category());
    }

    @Test
    void shouldIgnoreAnswersToAnEarlierMeasurement() {
        train(Strategy.DATA_PARALLEL);
        workers.prepare();
        workers.probe(0).expectMessageClass(WorkerMessage.RunSteps.class);
        workers.answer(
                0,
                new MeasurementMessage.WorkFailed(
                        PlayedWorkers.EPOCH - 1, "cpu:0", new Failure(FailureCategory.INTERNAL, "old")));
        parent.expectNoMessage(SHORT);
    }

    @Test
    void shouldNameTheWorkerThatKeepsSilent() {
        train(Strategy.DATA_PARALLEL, 1, SHORT);
        workers.prepare();
        workers.probe(0).expectMessageClass(WorkerMessage.RunSteps.class);
        workers.answer(0, new MeasurementMessage.StepsDone(PlayedWorkers.EPOCH, 0, List.of(PlayedWorkers.report(0))));
        Failure failure = failure();
        assertEquals(FailureCategory.TIMEOUT, failure.category());
        assertEquals("worker [cpu:1] has not answered for 0 s in step 0", failure.message());
    }
}

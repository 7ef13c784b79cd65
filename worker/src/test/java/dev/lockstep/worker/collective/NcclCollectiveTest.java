package dev.lockstep.worker.collective;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.memory.SegmentLayout;
import dev.lockstep.common.work.CommunicatorId;
import dev.lockstep.common.work.Reduction;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.worker.cuda.HostRuntime;
import dev.lockstep.worker.cuda.Nccl.Result;
import dev.lockstep.worker.libtorch.LibTorch;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A training thread that hangs in its device's work, and who frees it. */
class NcclCollectiveTest {
    private static final StepCommand STEP = new StepCommand(7, 0, List.of(1, 1), Reduction.SUM_TO_FIRST);

    private final ScriptedNccl nccl = new ScriptedNccl();
    private final CompletableFuture<String> exit = new CompletableFuture<>();
    private final CountDownLatch hanging = new CountDownLatch(1);
    private final CountDownLatch freed = new CountDownLatch(1);
    private NDManager manager;
    private Segment segment;

    @BeforeEach
    void open() throws IOException {
        manager = LibTorch.load().newBaseManager();
        segment = Segment.create(new SegmentLayout(2, 2, 12, 3, 32, 16), "test", 1);
    }

    @AfterEach
    void close() throws IOException {
        freed.countDown();
        manager.close();
        segment.close();
    }

    /** A device that is not done before the communicator is aborted. */
    private NcclCollective hangingCollective(Duration patience) throws IOException {
        HostRuntime cuda = new HostRuntime() {
            @Override
            public void synchronize(long stream) {
                hanging.countDown();
                try {
                    if (!freed.await(20, TimeUnit.SECONDS)) {
                        throw new IllegalStateException("no one freed the training thread");
                    }
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
        };
        nccl.onAbort = freed::countDown;
        ReplicaMemory memory = new ReplicaMemory(
                manager.zeros(new Shape(32)), manager.zeros(new Shape(32)), manager.zeros(new Shape(16)));
        Participant participant =
                new Participant(segment, 0, memory, manager, LogitsRecord.of(segment, false), patience);
        return new NcclCollective(participant, cuda, nccl, CommunicatorId.of(new byte[128]), exit::complete);
    }

    private static CompletableFuture<Void> step(NcclCollective collective) {
        return CompletableFuture.runAsync(() -> {
            collective.begin(STEP);
            collective.replicate();
            collective.reduce(null);
            collective.end();
        });
    }

    private static LockstepException failure(CompletableFuture<Void> step) {
        ExecutionException e = assertThrows(ExecutionException.class, () -> step.get(20, TimeUnit.SECONDS));
        return (LockstepException) e.getCause();
    }

    @Test
    void shouldFreeTheTrainingThreadWhenTheLibraryFails() throws Exception {
        NcclCollective collective = hangingCollective(Duration.ofMinutes(1));
        CompletableFuture<Void> step = step(collective);
        hanging.await();

        nccl.answer(Result.REMOTE_ERROR);

        LockstepException e = failure(step);
        assertEquals(FailureCategory.DEVICE, e.failure().category());
        assertTrue(e.getMessage().contains("step 7"), e.getMessage());
        collective.close();
        assertFalse(exit.isDone());
    }

    @Test
    void shouldFreeTheTrainingThreadWhenTheMeasurementIsAborted() throws Exception {
        NcclCollective collective = hangingCollective(Duration.ofMinutes(1));
        CompletableFuture<Void> step = step(collective);
        hanging.await();

        segment.abort();

        assertEquals(FailureCategory.ABORTED, failure(step).failure().category());
        collective.close();
    }

    @Test
    void shouldNameWhoIsBehindWhenAStepTakesTooLong() throws Exception {
        NcclCollective collective = hangingCollective(Duration.ofMillis(300));
        segment.publishProgress(1, Stage.REPLICATED.progress(7));

        LockstepException e = failure(step(collective));

        assertEquals(FailureCategory.TIMEOUT, e.failure().category());
        assertTrue(e.getMessage().contains("step 7"), e.getMessage());
        assertTrue(e.getMessage().contains("ahead of replica 1"), e.getMessage());
        collective.close();
    }

    @Test
    void shouldNotBlameAReplicaThatIsAsFar() throws Exception {
        NcclCollective collective = hangingCollective(Duration.ofMillis(300));
        segment.publishProgress(1, Stage.REDUCED.progress(7));

        assertTrue(failure(step(collective)).getMessage().contains("no other replica is behind"));
        collective.close();
    }
}

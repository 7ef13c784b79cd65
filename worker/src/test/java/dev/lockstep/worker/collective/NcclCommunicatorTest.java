package dev.lockstep.worker.collective;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.worker.collective.NcclCommunicator.Operation;
import dev.lockstep.worker.cuda.Nccl.Result;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/** The states of a communicator, over a library that answers what the test wants and by a clock that the test moves. */
class NcclCommunicatorTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final List<Operation> SUM = List.of((nccl, handle) -> nccl.reduce(1, 2, 0, handle, 0));

    private final ScriptedNccl nccl = new ScriptedNccl();
    private final List<Runnable> aborts = new ArrayList<>();
    private boolean aborted;
    private boolean abortsHang;
    private long now;
    /** How far the clock goes with each look at it. */
    private long tick = 1;

    private NcclCommunicator join() {
        return NcclCommunicator.join(
                nccl,
                2,
                1,
                new byte[128],
                new NcclCommunicator.Terms(
                        PATIENCE, () -> aborted, () -> "it is ahead of replica 0", this::abort, () -> now += tick));
    }

    private void abort(Runnable abort) {
        if (abortsHang) {
            aborts.add(abort);
        } else {
            abort.run();
        }
    }

    private static LockstepException thrown(FailureCategory category, Executable executable) {
        LockstepException e = assertThrows(LockstepException.class, executable);
        assertEquals(category, e.failure().category(), e.getMessage());
        return e;
    }

    private static void assertSays(LockstepException e, String... parts) {
        for (String part : parts) {
            assertTrue(e.getMessage().contains(part), e.getMessage());
        }
        assertEquals(1, e.getMessage().lines().count());
    }

    @Test
    void shouldWaitForTheLibraryAfterEveryCall() {
        nccl.answer(Result.IN_PROGRESS, Result.IN_PROGRESS, Result.SUCCESS);
        NcclCommunicator communicator = join();
        assertEquals(1, nccl.states.size());

        nccl.answer(Result.IN_PROGRESS, Result.IN_PROGRESS, Result.SUCCESS);
        communicator.begin("step 0");
        communicator.run("the reduction", SUM);
        assertEquals(1, nccl.states.size());
        communicator.end();

        nccl.answer(Result.IN_PROGRESS, Result.IN_PROGRESS, Result.SUCCESS);
        communicator.close();
        assertEquals(1, nccl.states.size());
        assertEquals(List.of("join", "group start", "reduce", "group end", "finish", "destroy"), nccl.calls);
        assertNull(communicator.watch());
    }

    @Test
    void shouldSayWhyItCannotJoin() {
        nccl.join = Result.UNHANDLED_CUDA_ERROR;
        nccl.lastError = "no CUDA-capable device is detected";

        LockstepException e = thrown(FailureCategory.DEVICE, this::join);

        assertSays(e, "replica 1", "joining", "described UNHANDLED_CUDA_ERROR", nccl.lastError, "NCCL_DEBUG=WARN");
        assertEquals(List.of("join"), nccl.calls);
    }

    @ParameterizedTest
    @EnumSource(
            mode = Mode.EXCLUDE,
            names = {"SUCCESS", "IN_PROGRESS"})
    void shouldAbortWhatComesToNothingWhileJoining(Result error) {
        nccl.answer(Result.IN_PROGRESS, error);

        LockstepException e = thrown(FailureCategory.DEVICE, this::join);

        assertSays(e, "joining", "described " + error);
        assertEquals(List.of("join", "abort"), nccl.calls);
    }

    @Test
    void shouldNotWaitForOthersWithoutEnd() {
        nccl.answer(Result.IN_PROGRESS);
        tick = Duration.ofSeconds(1).toNanos();

        LockstepException e = thrown(FailureCategory.TIMEOUT, this::join);

        assertSays(e, "replica 1", "joining", "60 s", "it is ahead of replica 0");
        assertEquals(List.of("join", "abort"), nccl.calls);
    }

    @Test
    void shouldStopJoiningWhenTheMeasurementIsAborted() {
        nccl.answer(Result.IN_PROGRESS);
        aborted = true;

        assertSays(thrown(FailureCategory.ABORTED, this::join), "replica 1", "the measurement was aborted");

        assertEquals(List.of("join", "abort"), nccl.calls);
    }

    @Test
    void shouldEndAGroupThatFailsAndNameTheStep() {
        NcclCommunicator communicator = join();
        communicator.begin("step 7");
        nccl.operation = Result.INVALID_ARGUMENT;
        nccl.groupEnd = Result.SUCCESS;

        LockstepException e = thrown(FailureCategory.DEVICE, () -> communicator.run("the reduction", SUM));

        assertSays(e, "the reduction of step 7", "described INVALID_ARGUMENT");
        assertEquals(List.of("join", "group start", "reduce", "group end", "abort"), nccl.calls);
    }

    @Test
    void shouldAbortOnceAndSayTheFirstReasonEverAfter() {
        NcclCommunicator communicator = join();
        communicator.begin("step 7");
        nccl.answer(Result.IN_PROGRESS, Result.REMOTE_ERROR);
        LockstepException first = thrown(FailureCategory.DEVICE, () -> communicator.run("the reduction", SUM));
        aborted = true;

        for (Executable later : List.<Executable>of(
                () -> communicator.run("the gather", SUM), communicator::end, () -> communicator.begin("step 8"))) {
            assertEquals(
                    first.getMessage(), thrown(FailureCategory.DEVICE, later).getMessage());
        }
        assertNull(communicator.watch());
        communicator.close();
        assertEquals(1, nccl.calls.stream().filter("abort"::equals).count());
        assertFalse(nccl.calls.contains("finish"));
    }

    @Test
    void shouldNoticeAnErrorWhileTheTrainingThreadWaitsForItsStream() {
        NcclCommunicator communicator = join();
        communicator.begin("step 7");
        communicator.run("the reduction", SUM);
        assertNull(communicator.watch());
        assertFalse(communicator.hasFailed());

        nccl.answer(Result.REMOTE_ERROR);
        assertNull(communicator.watch());

        assertTrue(nccl.calls.contains("abort"));
        assertSays(thrown(FailureCategory.DEVICE, communicator::end), "step 7", "described REMOTE_ERROR");
        assertNull(communicator.watch());
    }

    @Test
    void shouldNoticeThatAStepTakesTooLong() {
        NcclCommunicator communicator = join();
        communicator.begin("step 7");
        communicator.run("the reduction", SUM);
        now += PATIENCE.toNanos() - 100;
        assertNull(communicator.watch());
        assertFalse(communicator.hasFailed());

        now += 100;
        assertNull(communicator.watch());

        assertTrue(nccl.calls.contains("abort"));
        assertSays(thrown(FailureCategory.TIMEOUT, communicator::end), "replica 1", "step 7", "60 s", "replica 0");
    }

    @Test
    void shouldNoticeTheAbortOfTheMeasurement() {
        NcclCommunicator communicator = join();
        communicator.begin("step 7");
        aborted = true;

        assertNull(communicator.watch());

        assertTrue(nccl.calls.contains("abort"));
        assertSays(thrown(FailureCategory.ABORTED, () -> communicator.run("the reduction", SUM)), "step 7");
        assertFalse(nccl.calls.contains("reduce"));
    }

    @Test
    void shouldLeaveACommunicatorAloneBetweenSteps() {
        NcclCommunicator communicator = join();
        communicator.begin("step 7");
        communicator.end();
        now += 2 * PATIENCE.toNanos();
        nccl.answer(Result.REMOTE_ERROR);

        assertNull(communicator.watch());

        assertEquals(List.of("join"), nccl.calls);
        nccl.answer(Result.SUCCESS);
        communicator.begin("step 8");
        communicator.end();
    }

    @Test
    void shouldEndTheProcessWhenAnAbortHangs() {
        NcclCommunicator communicator = join();
        communicator.begin("step 7");
        nccl.answer(Result.REMOTE_ERROR);
        abortsHang = true;
        assertNull(communicator.watch());
        thrown(FailureCategory.DEVICE, communicator::end);
        now += NcclCommunicator.GRACE.toNanos() - 100;
        assertNull(communicator.watch());

        now += 200;
        String reason = communicator.watch();

        assertNotNull(reason);
        assertTrue(reason.contains("10 s") && reason.contains("REMOTE_ERROR"), reason);
        aborts.forEach(Runnable::run);
        assertNull(communicator.watch());
    }

    @Test
    void shouldEndTheProcessWhenAnAbortDoesNotFreeTheTrainingThread() {
        NcclCommunicator communicator = join();
        communicator.begin("step 7");
        nccl.answer(Result.REMOTE_ERROR);
        assertNull(communicator.watch());
        now += NcclCommunicator.GRACE.toNanos() + 1;

        assertNotNull(communicator.watch());

        thrown(FailureCategory.DEVICE, communicator::end);
        assertNull(communicator.watch());
    }

    @Test
    void shouldAbortInsteadOfLeavingInPeaceWhenTheMeasurementIsAborted() {
        NcclCommunicator communicator = join();
        communicator.begin("step 7");
        aborted = true;

        communicator.close();

        assertEquals(List.of("join", "abort"), nccl.calls);
        now += 2 * NcclCommunicator.GRACE.toNanos();
        assertNull(communicator.watch());
    }

    @Test
    void shouldSayThatLeavingFailed() {
        NcclCommunicator communicator = join();
        nccl.destroy = Result.INTERNAL_ERROR;

        assertSays(thrown(FailureCategory.DEVICE, communicator::close), "leaving", "described INTERNAL_ERROR");
    }
}

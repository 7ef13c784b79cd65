package dev.lockstep.coordinator.overhead;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.work.BareOrder;
import dev.lockstep.common.work.BareReport;
import dev.lockstep.common.work.DeviceKind;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.coordinator.workers.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The loops are shell scripts here, which write down what they are told. */
class BareLoopsTest {
    private static final BareOrder ORDER = new BareOrder(
            new TrainingSpec(
                    new ModelSpec("tiny", 5, 32, null, null),
                    Precision.FP32,
                    new OptimizerSpec(OptimizerKind.SGD, 0.05, 0.9, 1e-4),
                    MemoryFormat.CHANNELS_LAST,
                    7),
            4,
            2,
            3);
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final String HONEST =
            """
            while read order; do
              echo "$order" >> "$DIARY"; echo READY
              read go; echo "$go" >> "$DIARY"; echo '{"stepNanos":[1000000,3000000],"finalLoss":0.5}'
              read stop; echo "$stop" >> "$DIARY"; echo RELEASED
            done
            echo end >> "$DIARY"
            """;

    @TempDir
    Path folder;

    private final AtomicBoolean cancelled = new AtomicBoolean();

    private BareLoops start(String... scripts) {
        List<Device> devices = IntStream.range(0, scripts.length)
                .mapToObj(index -> new Device("cpu:" + index, DeviceKind.CPU, "", List.of(index), 1, null))
                .toList();
        return BareLoops.start(
                devices,
                device -> {
                    int index = devices.indexOf(device);
                    ProcessBuilder builder = new ProcessBuilder("sh", "-c", scripts[index]);
                    builder.environment().put("DIARY", diary(index).toString());
                    return builder;
                },
                folder,
                cancelled::get);
    }

    private Path diary(int index) {
        return folder.resolve("diary-" + index);
    }

    private static List<BareReport> train(BareLoops loops, int count, BareOrder order, Duration patience) {
        loops.begin(count, order, patience);
        while (!loops.isThrough()) {
            // Each look waits a moment.
        }
        return loops.end(patience);
    }

    private LockstepException failure(String script) {
        try (BareLoops loops = start(script)) {
            return assertThrows(LockstepException.class, () -> train(loops, 1, ORDER, PATIENCE));
        }
    }

    @Test
    void shouldLeadTheFirstLoopsThroughEachOrder() throws IOException {
        try (BareLoops loops = start(HONEST, HONEST)) {
            BareReport report = new BareReport(List.of(1_000_000L, 3_000_000L), 0.5);
            assertEquals(List.of(report, report), train(loops, 2, ORDER, PATIENCE));
            assertEquals(List.of(report), train(loops, 1, ORDER, PATIENCE));
        }
        List<String> first = Files.readAllLines(diary(0));
        assertEquals(List.of("GO", "STOP"), first.subList(1, 3));
        assertTrue(first.get(0).startsWith("{\"training\":{\"model\":{\"name\":\"tiny\""), first.get(0));
        assertEquals(first.subList(0, 3), first.subList(3, 6));
        assertEquals("end", first.get(6));
        assertEquals(4, Files.readAllLines(diary(1)).size());
    }

    @Test
    void shouldLetNoneStopBeforeAllHaveReported() throws IOException {
        // The second one reports only when the first one's diary has its GO, and the first one must not have been
        // stopped by then.
        String second =
                """
                read order; echo READY; read go
                until grep -q GO "$DIARY/../diary-0"; do :; done
                grep -q STOP "$DIARY/../diary-0" && exit 1
                echo '{"stepNanos":[1],"finalLoss":0}'; read stop; echo RELEASED
                """
                        .replace("$DIARY/..", folder.toString());
        try (BareLoops loops = start(HONEST, second)) {
            assertEquals(2, train(loops, 2, ORDER, PATIENCE).size());
        }
    }

    @Test
    void shouldQuoteALoopThatEnds() {
        LockstepException failure = failure("read order; echo loading >&2; echo not enough memory >&2; exit 1");
        assertEquals(FailureCategory.WORKER_DIED, failure.failure().category());
        assertEquals(
                "the bare loop of cpu:0 ended with exit code 1: not enough memory; see "
                        + folder.resolve("bare-cpu-0.log"),
                failure.getMessage());
    }

    @Test
    void shouldNotTakeAnythingElseForAnAnswer() {
        assertEquals(
                "the bare loop of cpu:0 said hello, not READY",
                failure("echo hello; read order").getMessage());
        assertEquals(
                "the bare loop of cpu:0 said hello, not a report",
                failure("echo READY; echo hello; read order; read go").getMessage());
    }

    @Test
    void shouldNotWaitForASilentLoopForever() {
        try (BareLoops loops = start("cat > /dev/null")) {
            LockstepException failure =
                    assertThrows(LockstepException.class, () -> train(loops, 1, ORDER, Duration.ofMillis(1)));
            assertEquals(FailureCategory.TIMEOUT, failure.failure().category());
        }
    }

    @Test
    void shouldEndWhenTheUserWants() {
        cancelled.set(true);
        assertEquals(
                FailureCategory.CANCELLED, failure("cat > /dev/null").failure().category());
    }

    @Test
    void shouldLeaveNoProcessBehind() throws IOException {
        String script = "echo $$ > \"$DIARY\"; " + HONEST;
        try (BareLoops loops = start(script)) {
            train(loops, 1, ORDER, PATIENCE);
        }
        long pid = Long.parseLong(Files.readAllLines(diary(0)).get(0));
        assertFalse(ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false));
    }
}

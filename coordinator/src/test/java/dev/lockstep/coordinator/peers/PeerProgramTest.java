package dev.lockstep.coordinator.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.coordinator.peers.PeerOutcome.Measured;
import dev.lockstep.coordinator.peers.PeerOutcome.NotMeasured;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PeerProgramTest {
    private static final Duration PATIENCE = Duration.ofMinutes(1);

    @TempDir
    Path folder;

    private PeerProgram program = program(() -> false, PATIENCE);

    @Test
    void shouldReadWhatAPythonSaysOfItself() throws IOException {
        Path python = FakePython.measuring(folder, 10, "1", "1");
        assertEquals(
                new Python(python.toString(), "3.11.2", "2.6.0", "0.21.0", null), program.probe(python.toString()));
    }

    @Test
    void shouldSayWhyAPythonWillNotDo() throws IOException {
        Path without = FakePython.in(
                folder, "echo Traceback >&2; echo \"ModuleNotFoundError: No module named 'torch'\" >&2; exit 1", "");
        Path silent = FakePython.in(folder, "exit 7", "");
        Path other = FakePython.in(folder, "echo hello", "");
        assertEquals("ModuleNotFoundError: No module named 'torch'", refusal(without));
        assertEquals("it ended with exit status 7", refusal(silent));
        assertEquals("it does not behave like a Python", refusal(other));
        assertEquals("there is no such file", refusal(folder.resolve("nowhere")));
        assertEquals("it is not an executable file", refusal(Files.createFile(folder.resolve("text"))));
        assertEquals("it is not on the PATH", refusal(Path.of("python-of-nobody")));
    }

    @Test
    void shouldHandOverTheSpecAndReadTheMeasurement() throws IOException {
        Path python = FakePython.in(
                folder, "", "cp \"$3\" \"$3.seen\"\necho '" + FakePython.measured(10, "2.5, 3.5", "1.5, null") + "'");
        Measured measured = assertInstanceOf(Measured.class, measure(python));
        assertEquals(List.of(2.5, 3.5), measured.measurement().samplesMillis());
        assertEquals(10, measured.measurement().parameters());
        assertEquals(null, measured.measurement().finalLoss());
        JsonNode seen = new ObjectMapper()
                .readTree(folder.resolve("out/1-torch-single.json.seen").toFile());
        assertEquals("torch-DistributedDataParallel", seen.get("peer").asText());
        assertEquals("[[0],[1]]", seen.get("cpus").toString());
        assertEquals("[3,2]", seen.get("chunks").toString());
        assertEquals("amp-bf16", seen.get("precision").asText());
        assertEquals("channels-last", seen.get("memoryFormat").asText());
        assertEquals(0.9, seen.at("/optimizer/momentum").asDouble());
        assertTrue(seen.get("dropout").isNull());
    }

    @Test
    void shouldSkipWhatPyTorchLacks() throws IOException {
        NotMeasured skipped = failing("echo warming up >&2; echo PyTorch has no autocast to float16 >&2; exit 3");
        assertEquals(ResultStatus.SKIPPED, skipped.status());
        assertEquals(FailureCategory.ENVIRONMENT, skipped.failure().category());
        assertTrue(
                skipped.failure().message().contains("PyTorch has no autocast to float16; see " + log()),
                skipped.failure()::message);
    }

    @Test
    void shouldGiveThePythonErrorInOneLineWithItsLog() throws IOException {
        NotMeasured failed = failing("printf 'Traceback\\n  File x\\nValueError: no such thing\\n\\n' >&2; exit 1");
        assertEquals(ResultStatus.FAILED, failed.status());
        assertEquals(FailureCategory.WORKER_DIED, failed.failure().category());
        assertEquals(
                "1-torch-single ended with exit status 1: ValueError: no such thing; see " + log(),
                failed.failure().message());
    }

    @Test
    void shouldTellOutOfMemoryAndSignalsApart() throws IOException {
        NotMeasured memory = failing("echo 'torch.cuda.OutOfMemoryError: CUDA out of memory. Tried' >&2; exit 1");
        assertEquals(FailureCategory.OUT_OF_MEMORY, memory.failure().category());
        NotMeasured killed = failing("kill -9 $$");
        assertTrue(killed.failure().message().contains("was ended by signal 9: it printed nothing"), killed::toString);
    }

    @Test
    void shouldNotTakeSomethingElseForAMeasurement() throws IOException {
        String sound = FakePython.measured(10, "2.5, 3.5", "1.5, 1.4");
        for (String printed :
                List.of("done", sound.replace("\"threads\": 1, ", ""), sound.replace("s\": 1,", "s\": null,"))) {
            NotMeasured failed = failing("echo '" + printed + "'");
            assertEquals(FailureCategory.INTERNAL, failed.failure().category());
            assertTrue(failed.failure().message().contains("printed what is no measurement"), failed::toString);
        }
    }

    @Test
    void shouldEndWhatIsSilentForTooLong() throws IOException {
        program = program(() -> false, Duration.ofMillis(200));
        NotMeasured failed = failing("echo $$ > \"$3.pid\"; exec sleep 600");
        assertEquals(FailureCategory.TIMEOUT, failed.failure().category());
        assertGone();
    }

    @Test
    void shouldEndItWhenTheUserWantsIt() throws IOException {
        Path pid = folder.resolve("out/1-torch-single.json.pid");
        program = program(() -> Files.exists(pid), PATIENCE);
        LockstepException cancelled =
                assertThrows(LockstepException.class, () -> failing("echo $$ > \"$3.pid\"; exec sleep 600"));
        assertEquals(FailureCategory.CANCELLED, cancelled.failure().category());
        assertGone();
    }

    private void assertGone() throws IOException {
        long pid = Long.parseLong(
                Files.readString(folder.resolve("out/1-torch-single.json.pid")).strip());
        Optional<ProcessHandle> left = ProcessHandle.of(pid).filter(ProcessHandle::isAlive);
        assertFalse(left.isPresent(), () -> "still running: " + pid);
    }

    private String refusal(Path python) {
        LockstepException refused = assertThrows(LockstepException.class, () -> program.probe(python.toString()));
        assertEquals(FailureCategory.ENVIRONMENT, refused.failure().category());
        return refused.getMessage();
    }

    private NotMeasured failing(String commands) throws IOException {
        return assertInstanceOf(NotMeasured.class, measure(FakePython.in(folder, "", commands)));
    }

    private PeerOutcome measure(Path python) {
        return program.measure(
                new Python(python.toString(), "3", "2", "0", null),
                Specs.distributed(),
                folder.resolve("out"),
                "1-torch-single");
    }

    private Path log() {
        return folder.resolve("out/1-torch-single.log");
    }

    private static PeerProgram program(BooleanSupplier cancelled, Duration silence) {
        return new PeerProgram(Path.of("lockstep_peer.py"), cancelled, silence);
    }
}

package dev.lockstep.coordinator.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.coordinator.peers.PythonScript.Ended;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real lockstep_peer.py in a Python that has nothing installed: what it refuses before it needs PyTorch. */
class LockstepPeerTest {
    private static final Path HOME = Path.of("").toAbsolutePath().getParent();
    private static final PythonScript SCRIPT = new PythonScript("lockstep_peer.py");
    private static final String SOUND =
            "{\"peer\": \"torch-single\", \"devices\": [\"cpu:0\"], \"cpus\": null, \"chunks\": [2]}";

    @TempDir
    Path folder;

    @BeforeEach
    void requirePython() throws IOException, InterruptedException {
        PythonScript.requirePython();
    }

    private static Ended run(String... arguments) throws IOException, InterruptedException {
        return SCRIPT.run(arguments);
    }

    private Ended measure(String spec) throws IOException, InterruptedException {
        return run(
                "measure", Files.writeString(folder.resolve("spec.json"), spec).toString());
    }

    private void assertRefused(String why, Ended ended) {
        assertEquals(2, ended.status(), ended.output());
        assertEquals(1, ended.output().lines().count(), ended.output());
        assertTrue(ended.output().contains(why), ended.output());
    }

    @Test
    void shouldExplainItselfWhereTheArgumentsAreNone() throws Exception {
        for (String[] wrong : new String[][] {{}, {"probe", "me"}, {"measure"}, {"dance", "spec.json"}}) {
            Ended ended = run(wrong);
            assertEquals(2, ended.status(), ended.output());
            assertTrue(ended.output().contains("lockstep_peer.py measure SPEC"), ended.output());
        }
    }

    @Test
    void shouldRefuseASpecThatIsNone() throws Exception {
        Path nowhere = folder.resolve("nowhere.json");
        assertRefused("cannot read " + nowhere + ": ", run("measure", nowhere.toString()));
        assertRefused("cannot read " + folder.resolve("spec.json") + ": ", measure("{\"peer\": "));
        assertRefused("peer must be one of torch-single, ", measure("[]"));
        assertRefused("peer must be one of torch-single, ", measure(SOUND.replace("torch-single", "jax")));
        assertRefused("devices and cpus must be as many as chunks", measure(SOUND.replace("[2]", "[2, 1]")));
        assertRefused("devices and cpus must be as many as chunks", measure(SOUND.replace("null", "[[0], [1]]")));
        assertRefused("at least one", measure(SOUND.replace("[2]", "[]").replace("[\"cpu:0\"]", "[]")));
    }

    @Test
    void shouldSayThatThereIsNoTorch() throws Exception {
        Ended ended = measure(SOUND);
        assertEquals(1, ended.status(), ended.output());
        assertTrue(ended.output().endsWith("ModuleNotFoundError: No module named 'torch'\n"), ended.output());
    }

    @Test
    void shouldBeRefusedByTheSearchWithThatReason() throws IOException {
        Path without = FakePython.in(folder, "exec python3 -I -S \"$@\"", "");
        PeerProgram program = new PeerProgram(HOME, () -> false);
        LockstepException refused =
                assertThrows(LockstepException.class, () -> PythonSearch.find(without.toString(), program::probe));
        assertTrue(
                refused.getMessage().contains(without + " (ModuleNotFoundError: No module named 'torch')"),
                refused::getMessage);
    }
}

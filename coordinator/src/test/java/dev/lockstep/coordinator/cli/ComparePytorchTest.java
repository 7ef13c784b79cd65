package dev.lockstep.coordinator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ComparePytorchTest {
    @TempDir
    Path folder;

    @Test
    void shouldSayWhichPythonWasTriedBeforeAnythingStarts() {
        FakeShell shell = new FakeShell(folder);
        String python = folder.resolve("no-python").toString();
        assertEquals(3, shell.execute("compare-pytorch", "--python", python));
        assertEquals(1, shell.err().size());
        assertTrue(shell.err().get(0).contains("tried " + python + " (it cannot be started)"), shell.err()::toString);
        assertTrue(shell.out().isEmpty(), shell.out()::toString);
    }

    @Test
    void shouldRefuseFewerThanOneRound() {
        assertEquals(2, new FakeShell(folder).execute("compare-pytorch", "--rounds", "0"));
    }
}

package dev.lockstep.coordinator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.coordinator.api.ClusterView;
import dev.lockstep.coordinator.peers.FakePython;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What cannot be compared is refused before a cluster is started. */
class ComparePytorchTest {
    @TempDir
    Path folder;

    private FakeShell shell;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--model tiny|torchvision has no model 'tiny': take one of efficientnet_b0 to efficientnet_b7",
                "--model resnet50|unknown model 'resnet50': it is one of efficientnet_b0 to efficientnet_b7, tiny, empty",
                "--rounds 0|--rounds is 0: it must be at least 1",
                "--batch-per-device 8,16|both sides must have the same batch: name one size, not several or max, and leave out --on-out-of-memory halve",
                "--batch-per-device max|both sides must have the same batch: name one size, not several or max, and leave out --on-out-of-memory halve",
                "--on-out-of-memory halve|both sides must have the same batch: name one size, not several or max, and leave out --on-out-of-memory halve",
                "--data imagefolder:photos|an image folder would compare decoders, not training steps: take --data synthetic or tensors:FILE",
                "--data tensors:/nowhere/b|--data: cannot read /nowhere/b: no such file",
                "--weights /tmp|--weights: cannot read /tmp: not a readable file",
                "--warmup-limit 5|both sides warm up for --warmup steps, no more and no fewer: leave --warmup-limit out",
                "--peer-memory-format contiguous,contiguous|--peer-memory-format names contiguous twice",
                "--peer-memory-format nhwc|unknown peer-memory-format 'nhwc': it is one of channels-last, contiguous",
                "--save-weights w|--save-weights is for one run, and a comparison is many: leave it out"
            })
    void shouldRefuseAPlanThatCannotBeCompared(String options, String message) throws IOException {
        // A Python that would do, so that the plan alone is what is wrong.
        Path python = FakePython.measuring(folder, 10, "1", "1");
        assertEquals(2, compare((options + " --python " + python).split(" ", -1)), this::printed);
        assertRefused(message);
    }

    @Test
    void shouldSayWhyAPythonWillNotDo() throws IOException {
        assertNoPython(folder.resolve("no-python"), "there is no such file");
        assertNoPython(folder, "it is not an executable file");
        assertNoPython(Files.createFile(folder.resolve("text")), "it is not an executable file");
        assertNoPython(Path.of("python-of-nobody"), "it is not on the PATH");
        for (String module : new String[] {"torch", "torchvision"}) {
            String missing = "ModuleNotFoundError: No module named '" + module + "'";
            assertNoPython(FakePython.in(folder, "echo Traceback; echo \"" + missing + "\" >&2; exit 1", ""), missing);
        }
    }

    @Test
    void shouldStartAClusterForAPlanThatCanBeCompared() throws IOException {
        Path python = FakePython.measuring(folder, 10, "1", "1");
        assertEquals(3, compare("--python", python.toString(), "--model", "efficientnet_b0"), this::printed);
        assertTrue(shell.err().get(0).contains("Lockstep is not built"), this::printed);
    }

    @Test
    void shouldNotTakeARunningClusterForTheOneThatWasAskedFor() throws IOException {
        Path python = FakePython.measuring(folder, 10, "1", "1");
        try (FakeCoordinator coordinator = FakeCoordinator.in(folder.resolve("run"))) {
            coordinator.on("GET /status", new ClusterView("0.1", Instant.EPOCH, "run", List.of(), null, List.of()));
            assertEquals(2, compare("--python", python.toString(), "--cuda"), this::printed);
            assertEquals(List.of("GET /status"), coordinator.requests());
        }
        assertTrue(
                shell.err().get(0).contains("--cuda and --no-cuda are for a cluster that is started here"),
                this::printed);
    }

    private void assertNoPython(Path python, String why) {
        assertEquals(3, compare("--python", python.toString()), this::printed);
        assertRefused(
                "no Python with torch and torchvision: tried %s (%s); install them (on Debian: apt install python3-torch python3-torchvision) or name a Python that has them with --python"
                        .formatted(python, why));
    }

    private void assertRefused(String message) {
        assertEquals(1, shell.err().size(), this::printed);
        assertEquals("lockstep: " + message, shell.err().get(0));
        assertTrue(shell.out().isEmpty(), this::printed);
        assertFalse(Files.exists(folder.resolve("run")), "nothing was started");
    }

    private int compare(String... options) {
        shell = new FakeShell(folder);
        String[] arguments = new String[options.length + 1];
        arguments[0] = "compare-pytorch";
        System.arraycopy(options, 0, arguments, 1, options.length);
        return shell.execute(arguments);
    }

    private String printed() {
        return shell.out() + " " + shell.err();
    }
}

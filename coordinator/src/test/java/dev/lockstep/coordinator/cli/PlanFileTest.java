package dev.lockstep.coordinator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.coordinator.settings.RunSetting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlanFileTest {
    @TempDir
    Path folder;

    @Test
    void shouldReadHocon() throws IOException {
        Path plan = write(
                "plan.conf",
                """
                # Strong scaling.
                devices = [1, 2]
                global-batch = 32
                learning-rate = 0.01
                precision = fp32
                seed = null
                """);
        assertEquals(
                Map.of(
                        RunSetting.DEVICES, "1,2",
                        RunSetting.GLOBAL_BATCH, "32",
                        RunSetting.LEARNING_RATE, "0.01",
                        RunSetting.PRECISION, "fp32"),
                PlanFile.read(plan));
    }

    @Test
    void shouldReadJson() throws IOException {
        Path plan = write(
                "plan.json",
                """
                {"devices": "1,2", "steps": 20, "strategy": ["data-parallel"]}
                """);
        assertEquals(
                Map.of(RunSetting.DEVICES, "1,2", RunSetting.STEPS, "20", RunSetting.STRATEGY, "data-parallel"),
                PlanFile.read(plan));
    }

    @Test
    void shouldReadBatchesAsAListATextOrTheLargest() throws IOException {
        Path weak = write("weak.conf", "batch-per-device = [8, 16], rounds = 3, on-out-of-memory = halve");
        assertEquals(
                Map.of(
                        RunSetting.BATCH_PER_DEVICE, "8,16",
                        RunSetting.ROUNDS, "3",
                        RunSetting.ON_OUT_OF_MEMORY, "halve"),
                PlanFile.read(weak));
        assertEquals(
                Map.of(RunSetting.GLOBAL_BATCH, "16, 32"),
                PlanFile.read(write("strong.conf", "global-batch = \"16, 32\"")));
        assertEquals(
                Map.of(RunSetting.BATCH_PER_DEVICE, "max"), PlanFile.read(write("max.conf", "batch-per-device = max")));
    }

    @Test
    void shouldCountRelativePathsFromTheFilesOwnFolder() throws IOException {
        Path plan = write(
                "plan.conf",
                """
                data = "imagefolder:photos/train"
                output = "../here"
                """);
        assertEquals(
                Map.of(
                        RunSetting.DATA,
                        "imagefolder:" + folder.resolve("photos/train"),
                        RunSetting.OUTPUT,
                        folder.resolveSibling("here").toString()),
                PlanFile.read(plan));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "plan.conf|steps = 3,,stepz = 4|2: unknown setting 'stepz', see lockstep run --help for those there are",
                "plan.conf|seed = 1,,steps = some|2: steps: 'some' is not a whole number",
                "plan.conf|batch-per-device = [1, most]|1: batch-per-device: '1,most' is not a list of whole numbers, or max",
                "plan.conf|global-batch = max|1: global-batch: 'max' is not a list of whole numbers",
                "plan.conf|steps = [1, 2]|1: steps: '1,2' is not a whole number",
                "plan.conf|model { name = x }|1: model: a value or a list of values is expected",
                "plan.conf|steps = ${nowhere}|1: Could not resolve substitution to a value: ${nowhere}"
            })
    void shouldNameTheLineOfWhatIsWrong(String name, String lines, String reason) throws IOException {
        Path plan = write(name, lines.replace(",,", "\n"));
        CommandException refusal = assertThrows(CommandException.class, () -> PlanFile.read(plan));
        assertEquals(ExitStatus.USAGE, refusal.status());
        assertEquals(plan + ":" + reason, refusal.getMessage());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"plan.json|{'steps': 1,,'warmup': }|2", "plan.json|steps = 1|1", "plan.conf|steps = [1,,2|2"})
    void shouldNameTheLineOfASyntaxError(String name, String lines, int line) throws IOException {
        Path plan = write(name, lines.replace(",,", "\n").replace('\'', '"'));
        CommandException refusal = assertThrows(CommandException.class, () -> PlanFile.read(plan));
        assertEquals(ExitStatus.USAGE, refusal.status());
        String start = plan + ":" + line + ": ";
        assertEquals(start, refusal.getMessage().substring(0, start.length()), refusal.getMessage());
    }

    @Test
    void shouldRefuseAFileThatIsNotThere() {
        Path plan = folder.resolve("missing.conf");
        CommandException refusal = assertThrows(CommandException.class, () -> PlanFile.read(plan));
        assertEquals(ExitStatus.USAGE, refusal.status());
        assertEquals("cannot read the plan file " + plan + ": no such file", refusal.getMessage());
    }

    @Test
    void shouldRefuseAFolder() {
        CommandException refusal = assertThrows(CommandException.class, () -> PlanFile.read(folder));
        assertEquals("cannot read the plan file " + folder + ": not a readable file", refusal.getMessage());
    }

    private Path write(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
    }
}

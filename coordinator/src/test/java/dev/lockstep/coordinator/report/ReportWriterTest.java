package dev.lockstep.coordinator.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.report.Report;
import dev.lockstep.coordinator.report.PlotDrawer.CannotDrawException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportWriterTest {
    @TempDir
    private Path folder;

    @Test
    void shouldReadBackWhatItWrote() {
        Report report = SampleReport.typical();
        new ReportWriter(folder).write(report);
        assertEquals(report, ReportReader.read(folder));
        assertEquals(report, ReportReader.read(folder.resolve("report.json")));
    }

    @Test
    void shouldSpellInstantsNullsAndLabelsAsTheInterfaceSays() throws IOException {
        new ReportWriter(folder).write(SampleReport.typical());
        JsonNode json = ReportJson.MAPPER.readTree(folder.resolve("report.json").toFile());
        assertEquals("lockstep.report/1", json.at("/schema").asText());
        assertEquals("2026-03-04T05:06:07.123456Z", json.at("/run/startedAt").asText());
        assertEquals("partial", json.at("/run/status").asText());
        assertEquals("imagefolder:photographs", json.at("/run/plan/data").asText());
        assertTrue(json.at("/system/cudaVersion").isNull());
        assertEquals(10_750_027, json.at("/model/parameters").asLong());
        assertEquals("data-parallel", json.at("/results/0/strategy").asText());
        assertTrue(json.at("/results/0/amp").isNull());
        assertEquals("not-enough-memory", json.at("/results/2/error/category").asText());
        assertTrue(json.at("/results/2/stepMillis").isNull());
        assertEquals(11.83, json.at("/results/1/imagesPerSecond").asDouble(), 0.01);
    }

    @Test
    void shouldWriteTextsAfterAMeasurementAndPlotsAtTheEnd() throws IOException {
        ReportWriter writer = new ReportWriter(folder);
        writer.write(SampleReport.typical());
        assertEquals(Set.of("report.csv", "report.html", "report.json", "report.md"), files());

        assertEquals(Optional.empty(), writer.writeFinal(SampleReport.typical()));
        for (String plot : List.of("throughput", "step-time", "efficiency", "memory", "phases")) {
            byte[] png = Files.readAllBytes(folder.resolve("plots/" + plot + ".png"));
            assertEquals(900, ImageIO.read(new ByteArrayInputStream(png)).getWidth());
            assertTrue(
                    Files.readString(folder.resolve("plots/" + plot + ".svg")).contains("<svg"), plot);
            assertTrue(Files.readString(folder.resolve("report.md")).contains("(plots/" + plot + ".png)"), plot);
        }
        assertTrue(Files.readString(folder.resolve("report.html")).contains("data:image/svg+xml;base64,"));
        assertEquals(4 + 10, files().size(), "no temporary file stays");
    }

    @Test
    void shouldDrawNothingWhenNothingWasMeasured() throws IOException {
        assertEquals(Optional.empty(), new ReportWriter(folder).writeFinal(SampleReport.of()));
        assertFalse(Files.exists(folder.resolve("plots")));
        assertTrue(Files.readString(folder.resolve("report.md")).contains("No measurement has ended yet."));
    }

    @Test
    void shouldWriteTheReportAndSayWhyThereAreNoPlots() {
        PlotDrawer withoutFonts = report -> {
            throw new CannotDrawException("no plots: no font", new IOException("no font"));
        };
        Report report = SampleReport.typical();
        assertEquals(Optional.of("no plots: no font"), new ReportWriter(folder, withoutFonts).writeFinal(report));
        assertEquals(report, ReportReader.read(folder));
    }

    @Test
    void shouldReplaceAFileInOneGo() throws IOException {
        Path file = folder.resolve("file");
        AtomicFile.write(file, "a longer first content");
        AtomicFile.write(file, "second");
        assertArrayEquals("second".getBytes(StandardCharsets.UTF_8), Files.readAllBytes(file));
        assertEquals(Set.of("file"), files());
    }

    @Test
    void shouldNameTheFolderThatCannotBeWritten() throws IOException {
        Path file = Files.createFile(folder.resolve("occupied"));
        LockstepException failure =
                assertThrows(LockstepException.class, () -> new ReportWriter(file).write(SampleReport.typical()));
        assertEquals(FailureCategory.ENVIRONMENT, failure.failure().category());
        assertTrue(failure.getMessage().contains(file.toString()), failure.getMessage());
    }

    @Test
    void shouldRefuseToReadWhatIsNoReport() throws IOException {
        Path missing = folder.resolve("missing.json");
        Path broken = Files.writeString(folder.resolve("broken.json"), "{\"schema\": ");
        Path newer = Files.writeString(folder.resolve("newer.json"), "{\"schema\": \"lockstep.report/2\"}");
        assertRefused(missing, "there is no report to read at");
        assertRefused(broken, "is not a report");
        assertRefused(newer, "its schema is lockstep.report/2, expected lockstep.report/1");
    }

    private static void assertRefused(Path file, String reason) {
        LockstepException refusal = assertThrows(LockstepException.class, () -> ReportReader.read(file));
        assertEquals(FailureCategory.USAGE, refusal.failure().category());
        assertTrue(refusal.getMessage().contains(reason), refusal.getMessage());
        assertTrue(refusal.getMessage().contains(file.toString()), refusal.getMessage());
    }

    private Set<String> files() throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> folder.relativize(file).toString())
                    .collect(Collectors.toUnmodifiableSet());
        }
    }
}

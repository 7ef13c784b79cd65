package dev.lockstep.coordinator.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.report.Peer;
import dev.lockstep.common.report.Peer.Ratio;
import dev.lockstep.common.report.Peer.Setup;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result.MemoryMiB;
import dev.lockstep.common.report.ResultStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PeerReportTest {
    private static final Report ALONE = SampleReport.typical();
    private static final Report REPORT = RunReports.with(ALONE, ALONE.results(), List.of(measured(), skipped(0)));

    @TempDir
    Path folder;

    @Test
    void shouldReadBackWhatItWrote() {
        new ReportWriter(folder).write(REPORT);
        assertEquals(REPORT, ReportReader.read(folder));
    }

    @Test
    void shouldReadAReportFromBeforeThereWerePeers() throws IOException {
        new ReportWriter(folder).write(REPORT);
        Path file = folder.resolve("report.json");
        ObjectNode tree = (ObjectNode) ReportJson.MAPPER.readTree(file.toFile());
        tree.remove("peers");
        Files.writeString(file, tree.toString());
        assertEquals(ALONE, ReportReader.read(file));
    }

    @Test
    void shouldSpellPeersInJson() throws IOException {
        new ReportWriter(folder).write(REPORT);
        JsonNode peers = ReportJson.MAPPER
                .readTree(folder.resolve("report.json").toFile())
                .get("peers");
        assertEquals("data-parallel-fp32-1x16", peers.at("/0/of").asText());
        assertEquals("ok", peers.at("/0/status").asText());
        assertEquals(2.5, peers.at("/0/ratio/median").asDouble());
        assertEquals(3, peers.at("/0/ratio/byRound").size());
        assertEquals("peak-resident", peers.at("/0/memoryMiB/kind").asText());
        assertTrue(peers.at("/0/setup/cudnnBenchmark").isNull());
        assertEquals("environment", peers.at("/1/error/category").asText());
        assertTrue(peers.at("/1/imagesPerSecond").isNull());
    }

    @Test
    void shouldShowPeersInTablesForPeople() {
        String markdown = MarkdownReport.render(REPORT, List.of());
        assertTrue(markdown.contains("## Beside Other Programs"), markdown);
        assertTrue(
                markdown.contains("| torch-single-fp32-1x16 | PyTorch 2.6.0 on one device | data-parallel-fp32-1x16 |"),
                markdown);
        assertTrue(markdown.contains("| 2.50x | 2.40x | 2.60x |"), markdown);
        assertTrue(markdown.contains("## Other Programs Not Measured"), markdown);
        String html = HtmlReport.render(REPORT, List.of());
        assertTrue(html.contains("<h2>Beside other programs</h2>"), html);
        assertTrue(html.contains("<td class=\"figure\">2.50x</td>"), html);
        String summary = ReportSummary.render(REPORT);
        assertTrue(summary.contains("| 2.50x | 2.40 - 2.60 |"), summary);
        assertTrue(
                summary.contains("- torch-single-amp-1x16 beside data-parallel-fp32-1x16 skipped: it has no float16"),
                summary);
    }

    @Test
    void shouldShowTheFiguresOfTheRoundsBeforeOneFailedAndTheFailureBesideThem() throws IOException {
        String message = "in round 3 (its figures are of the rounds before): it was killed";
        Peer peer = measured(2, ResultStatus.FAILED, new Failure(FailureCategory.WORKER_DIED, message));
        Report report = RunReports.with(ALONE, ALONE.results(), List.of(peer));
        String name = "torch-single-fp32-1x16, failed in round 3";
        for (String form : List.of(
                MarkdownReport.render(report, List.of()),
                HtmlReport.render(report, List.of()),
                ReportSummary.render(report))) {
            assertTrue(form.contains(name), form);
            assertTrue(form.contains("2.50x"), form);
            assertTrue(form.replaceAll("\\s+", " ").contains(message), form);
        }
        String row = CsvReport.render(report).lines().toList().get(4);
        assertTrue(row.contains(",failed,worker-died," + message + ","), row);
        assertTrue(row.endsWith(",2.5,2.4,2.6"), row);
        new ReportWriter(folder).write(report);
        assertEquals(report, ReportReader.read(folder));
    }

    @Test
    void shouldReadAPeerWithoutFiguresWhoseFailedRoundWasCounted() {
        Report report = RunReports.with(ALONE, ALONE.results(), List.of(skipped(1)));
        assertTrue(PeerTables.peers(report).isEmpty(), "there are no figures");
        assertEquals(1, PeerTables.notMeasured(report).rows().size());
    }

    @Test
    void shouldNotMentionPeersWhereThereAreNone() {
        assertFalse(MarkdownReport.render(ALONE, List.of()).contains("Other Programs"));
        assertFalse(HtmlReport.render(ALONE, List.of()).contains("ther programs"));
    }

    @Test
    void shouldAddARowForEachPeerToTheTableOfFigures() {
        List<String> rows = CsvReport.render(REPORT).lines().toList();
        assertEquals(1 + 3 + 2, rows.size());
        long columns = rows.get(0).chars().filter(c -> c == ',').count();
        assertTrue(rows.get(0).endsWith(",peerOf,peerProgram,peerRatioMedian,peerRatioMin,peerRatioMax"), rows.get(0));
        assertTrue(rows.get(1).endsWith(",,,,,"), rows.get(1));
        assertTrue(rows.get(4).startsWith("torch-single-fp32-1x16,,fp32,"), rows.get(4));
        assertTrue(
                rows.get(4).endsWith(",data-parallel-fp32-1x16,PyTorch 2.6.0 on one device,2.5,2.4,2.6"), rows.get(4));
        assertEquals(columns, rows.get(4).chars().filter(c -> c == ',').count());
        assertTrue(rows.get(5).contains(",skipped,environment,it has no float16,"), rows.get(5));
    }

    private static Peer measured() {
        return measured(3, ResultStatus.OK, null);
    }

    private static Peer measured(int rounds, ResultStatus status, Failure error) {
        List<Double> samples = List.of(6000.0, 6200.0);
        return new Peer(
                "torch-single-fp32-1x16",
                "data-parallel-fp32-1x16",
                "PyTorch 2.6.0 on one device",
                "/usr/bin/python3",
                "2.6.0",
                "0.21.0",
                rounds,
                status,
                error,
                Results.distribution(samples),
                samples,
                2.62,
                new MemoryMiB(List.of(2900.5), 2900.5, "peak-resident", null),
                new Ratio(2.5, 2.4, 2.6, List.of(2.4, 2.6, 2.5)),
                null,
                new Setup(1, null, null, null, null),
                3.25);
    }

    private static Peer skipped(int rounds) {
        return new Peer(
                "torch-single-amp-1x16",
                "data-parallel-fp32-1x16",
                "PyTorch 2.6.0 on one device",
                "/usr/bin/python3",
                "2.6.0",
                "0.21.0",
                rounds,
                ResultStatus.SKIPPED,
                new Failure(FailureCategory.ENVIRONMENT, "it has no float16"),
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null);
    }
}

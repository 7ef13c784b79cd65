package dev.lockstep.coordinator.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Scaling;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.BatchSweep;
import dev.lockstep.common.report.BatchTry;
import dev.lockstep.common.report.Provenance;
import dev.lockstep.common.report.Provenance.Batch;
import dev.lockstep.common.report.Provenance.Round;
import dev.lockstep.common.report.Quality;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.work.ReplicaSummary;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class ReportFormsTest {
    private static final Report TYPICAL = SampleReport.typical();

    @Test
    void shouldGiveEachConfigurationABlockInTheFamiliarForm() {
        String markdown = MarkdownReport.render(TYPICAL, List.of());
        assertTrue(
                markdown.contains(
                        """
                        ### Single CPU device (cpu:0)
                        **Standard Precision (FP32)**:
                        - Average Time: **2537.50 ms**
                        - Throughput: **6.31 images/second**
                        - Effective Batch Size: **16** (16)
                        - Memory Used: **1500.00 MiB** (largest device, peak-resident)
                        """),
                markdown);
        assertTrue(
                markdown.contains(
                        """
                        ### 2 CPU devices (cpu:0 and cpu:1)
                        **Standard Precision (FP32)** - Using DataParallel:
                        - Average Time: **2705.00 ms**
                        - Throughput: **11.83 images/second**
                        - Effective Batch Size: **32** (16 + 16)
                        """),
                markdown);
    }

    @Test
    void shouldNameTheMachineTheModelAndThePlan() {
        String markdown = MarkdownReport.render(TYPICAL, List.of());
        assertTrue(
                markdown.contains("- **Total Parameters**: `10,750,027`\n- **Model Size**: `41.01 MiB`\n"), markdown);
        assertTrue(markdown.contains("- **PyTorch Version**: `2.5.1`\n"), markdown);
        assertTrue(markdown.contains("- **Batch**: `16 per device (weak scaling)`\n"), markdown);
        assertTrue(markdown.contains("`sgd, learning rate 0.01, momentum 0.9, weight decay 0.0001`"), markdown);
        assertFalse(markdown.contains("CUDA"), "a machine without CUDA has no version of it");
    }

    @Test
    void shouldGiveTheReasonOfWhatWasNotMeasured() {
        String markdown = MarkdownReport.render(TYPICAL, List.of());
        assertTrue(markdown.contains("- Not measured (skipped): 4 replicas need 9000 MiB"), markdown);
        assertTrue(markdown.contains("| data-parallel-fp32-4x16 | skipped | not-enough-memory | 4 replicas"), markdown);
        assertTrue(markdown.contains("8000 \\| free"), "a bar in a cell is escaped");
    }

    @Test
    void shouldNotInventAFigure() {
        SampleMeasurement sample = SampleMeasurement.dataParallel(2, 8, 100);
        sample.summaries.replaceAll(
                summary -> new ReplicaSummary(summary.parameterChecksum(), null, null, null, false));
        Report report = SampleReport.of(sample.result());
        String markdown = MarkdownReport.render(report, List.of());
        assertTrue(markdown.contains("- Memory Used: not measured\n"), markdown);
        assertEquals(
                List.of("data-parallel-fp32-2x4", "2", "8", "100.00", "-", "100.00", "80.00", "-", "-", "-"),
                ReportTables.scaling(report).rows().get(0));
    }

    @Test
    void shouldShowHowFarFiguresCanBeTrusted() {
        SampleMeasurement sample = SampleMeasurement.dataParallel(1, 8, 100, 100, 100, 100, 500);
        sample.warmUp = new Quality.WarmUp(15, 3, 15, false);
        sample.disturbances = List.of("The machine swapped, 3 MiB.");
        SampleMeasurement single = SampleMeasurement.dataParallel(2, 16, 100);
        Report report = SampleReport.of(sample.result(), single.result());
        assertEquals(
                List.of(
                        List.of("data-parallel-fp32-1x8", "The machine swapped, 3 MiB.", "15", "no", "5"),
                        List.of("data-parallel-fp32-2x8", "none", "2", "-", "1")),
                ReportTables.quality(report).rows().stream()
                        .map(row -> row.subList(0, 5))
                        .toList());
        List<String> figures = ReportTables.quality(report).rows().get(0);
        assertEquals(List.of("100.00", "100.00 to 420.00", "484.00", "1"), figures.subList(6, 10));
        assertEquals("-", ReportTables.quality(report).rows().get(1).get(5), "one step has no interval");
        String markdown = MarkdownReport.render(report, List.of());
        assertTrue(markdown.contains("peak-resident)\n- Disturbed: The machine swapped, 3 MiB.\n"), markdown);
        assertTrue(markdown.contains(figures.get(5)), markdown);
        assertTrue(HtmlReport.render(report, List.of()).contains(figures.get(5)));
        assertTrue(ReportSummary.render(report).contains("The machine was disturbed"));
        List<String> csv = CsvReport.render(report).lines().toList();
        assertTrue(
                csv.get(0)
                        .endsWith(
                                ",warmupSteady,stepMillisMeanLow95,stepMillisMeanHigh95,outliers,otherProcessors,stolenProcessors,disturbances,peerOf,peerProgram,peerRatioMedian,peerRatioMin,peerRatioMax"),
                csv.get(0));
        assertTrue(csv.get(1).endsWith(",1,0.5,0.0,\"The machine swapped, 3 MiB.\",,,,,"), csv.get(1));
        assertTrue(csv.get(2).endsWith(",,,,0,0.0,0.0,,,,,,"), csv.get(2));
    }

    @Test
    void shouldWriteOneRowOfFullPrecisionForEachConfiguration() {
        List<String> rows = CsvReport.render(TYPICAL).lines().toList();
        assertEquals(1 + 3, rows.size());
        assertTrue(rows.get(0).startsWith("id,strategy,precision,"), rows.get(0));
        assertTrue(rows.get(2).contains(",11.829944547134936,"), rows.get(2));
        assertTrue(rows.get(2).contains(",16;16,"), rows.get(2));
        assertTrue(rows.get(3).contains(",\"4 replicas need 9000 MiB, the machine has 8000 | free\",,,"), rows.get(3));
        assertEquals(columns(rows.get(0)), columns(rows.get(1)));
    }

    @Test
    void shouldEscapeWhatMeansSomethingInHtml() {
        String html = HtmlReport.render(TYPICAL, List.of());
        assertTrue(html.contains("Example CPU &lt;2 GHz&gt;"), html);
        assertTrue(html.contains("batch 16 per device &amp; 4 steps"), html);
        assertFalse(html.contains("http"), "nothing is loaded from elsewhere");
    }

    @Test
    void shouldHaveTheSameSectionsInHtmlAsInMarkdown() {
        String html = HtmlReport.render(TYPICAL, List.of());
        for (String heading : List.of(
                "Scaling",
                "Not measured",
                "Observations",
                "Notes",
                "Where a step's time goes",
                "Replicas",
                "Measurement quality",
                "Configuration",
                "Model",
                "System",
                "Devices")) {
            assertTrue(html.contains("<h2>" + heading + "</h2>"), heading);
        }
        assertTrue(html.contains("<td class=\"figure\">11.83</td>"), html);
    }

    @Test
    void shouldSummariseWithinAHundredColumns() {
        Report report = SampleReport.of(
                SampleMeasurement.of(Strategy.DATA_PARALLEL, Precision.FP32_STRICT, 1, 32, 123456.7, 123400)
                        .result(),
                SampleMeasurement.of(Strategy.DATA_PARALLEL, Precision.FP32_STRICT, 16, 512, 223456.7, 223400)
                        .result());
        for (Report summarised : List.of(TYPICAL, report)) {
            String summary = ReportSummary.render(summarised);
            summary.lines()
                    .forEach(line -> assertTrue(line.length() <= ReportSummary.COLUMNS, line.length() + ": " + line));
            assertTrue(summary.contains("10,750,027 parameters"), summary);
        }
        assertTrue(
                ReportSummary.render(TYPICAL).contains("- data-parallel-fp32-4x16 skipped: 4 replicas need 9000 MiB"),
                "what was not measured is named");
    }

    @Test
    void shouldSummariseARunWithoutFigures() {
        assertTrue(ReportSummary.render(SampleReport.of()).contains("No measurement gave figures."));
    }

    @Test
    void shouldTellOfRoundsAndOfBatchesThatDidNotFit() {
        Failure tooBig = new Failure(FailureCategory.NOT_ENOUGH_MEMORY, "too big");
        Provenance halved = new Provenance(
                Scaling.WEAK,
                null,
                2,
                List.of(
                        new Round(1, Instant.parse("2026-03-04T08:00:00.5Z"), 1, 100.0, 80.0, null, null),
                        new Round(2, Instant.parse("2026-03-04T08:01:00Z"), 0, null, null, null, tooBig)),
                null,
                new Batch(8, 16),
                List.of(new BatchTry(8, 16, false, null, 700.4, 500.0, 8000.0, tooBig)));
        Result result = SampleMeasurement.dataParallel(2, 8, 100).result().withProvenance(halved);
        BatchSweep sweep = new BatchSweep(
                Precision.FP32,
                Strategy.DATA_PARALLEL,
                2,
                4,
                List.of(
                        new BatchTry(4, 8, true, 81.5, null, 500.0, 8000.0, null),
                        new BatchTry(8, 16, false, null, 700.4, 500.0, 8000.0, tooBig),
                        new BatchTry(5, 10, false, null, 600.0, 500.0, 8000.0, tooBig)),
                null);
        Report plain = SampleReport.of(result);
        Report report = new Report(
                plain.schema(),
                plain.run(),
                plain.system(),
                plain.model(),
                plain.results(),
                plain.observations(),
                List.of(sweep),
                List.of());
        assertEquals(
                List.of(
                        List.of(
                                "data-parallel-fp32-2x4",
                                "ok",
                                "1 of 2",
                                "2026-03-04T08:00:00Z",
                                "1",
                                "100.00",
                                "80.00",
                                "-"),
                        List.of(
                                "data-parallel-fp32-2x4",
                                "not-enough-memory",
                                "2 of 2",
                                "2026-03-04T08:01:00Z",
                                "0",
                                "-",
                                "-",
                                "-")),
                ProvenanceTables.rounds(report).rows());
        String search = "search, fp32, data-parallel, 2 devices";
        List<List<String>> tries = ProvenanceTables.tries(report).rows();
        assertEquals(List.of(search, "yes", "4", "8", "81.50", "-", "500", "8000"), tries.get(0));
        assertEquals(List.of(search, "no: not-enough-memory", "8", "16", "-", "700", "500", "8000"), tries.get(1));
        assertEquals("data-parallel-fp32-2x4", tries.get(3).get(0));
        for (String form : List.of(MarkdownReport.render(report, List.of()), HtmlReport.render(report, List.of()))) {
            assertTrue(form.contains("Rounds") && form.contains("atches ") && form.contains("no: not-enough"), form);
        }
        assertTrue(CsvReport.render(report).contains(",weak,,2,,,8,16"), CsvReport.render(report));
        assertEquals(
                List.of(
                        "The largest batch per device that fits on 2 devices with fp32, data-parallel is 4 (5 did not fit).",
                        "data-parallel-fp32-2x4 was asked for with 8 images per device, 16 in all, which did not fit: its batch is 4 per device, 8 in all."),
                BatchNotes.of(report.results(), report.batchSweeps()));
    }

    @Test
    void shouldSayNothingOfOneRoundWithTheBatchThatWasAskedFor() {
        assertTrue(ProvenanceTables.rounds(TYPICAL).isEmpty());
        assertTrue(ProvenanceTables.tries(TYPICAL).isEmpty());
        assertEquals(List.of(), BatchNotes.of(TYPICAL.results(), List.of()));
    }

    private static long columns(String row) {
        return row.chars().filter(c -> c == ',').count();
    }
}

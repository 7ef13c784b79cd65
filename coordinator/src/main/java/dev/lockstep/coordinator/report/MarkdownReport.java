package dev.lockstep.coordinator.report;

import static dev.lockstep.coordinator.report.Figures.decimal;

import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Observation;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.Result.MemoryMiB;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.coordinator.report.ReportFacts.Fact;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** {@code report.md}: system, model, one block for each configuration, then the comparison and what follows from it. */
final class MarkdownReport {
    private final StringBuilder text = new StringBuilder();

    private MarkdownReport() {}

    /**
     * Renders a report.
     *
     * @param plots the plots that lie beside it
     */
    static String render(Report report, List<DrawnPlot> plots) {
        MarkdownReport markdown = new MarkdownReport();
        markdown.line("# Training Scaling of " + report.model().name());
        markdown.line("");
        markdown.facts(ReportFacts.run(report));
        markdown.facts("System Information", ReportFacts.system(report));
        markdown.line("- **Devices**:");
        ReportFacts.devices(report)
                .forEach(device -> markdown.line("  - %s: `%s`".formatted(device.name(), device.value())));
        markdown.facts("Model Details", ReportFacts.model(report));
        markdown.facts("Configuration", ReportFacts.configuration(report));
        markdown.blocks(report);
        markdown.comparison(report);
        markdown.peers(report);
        markdown.list(
                "Observations",
                report.observations().stream().map(MarkdownReport::observation).toList());
        markdown.list("Notes", report.run().notes());
        markdown.outputs(plots);
        return markdown.text.toString();
    }

    private void facts(String heading, List<Fact> facts) {
        heading(heading);
        facts(facts);
    }

    private void facts(List<Fact> facts) {
        facts.forEach(fact -> line("- **%s**: `%s`".formatted(fact.name(), fact.value())));
    }

    private void blocks(Report report) {
        heading("Benchmark Results");
        if (report.results().isEmpty()) {
            line("No measurement has ended yet.");
        }
        Map<String, List<Result>> byDevices = report.results().stream()
                .collect(Collectors.groupingBy(ReportFacts::devicesHeading, LinkedHashMap::new, Collectors.toList()));
        List<String> separated = new ArrayList<>();
        byDevices.forEach((devices, results) -> separated.add("### " + devices + "\n"
                + results.stream().map(MarkdownReport::block).collect(Collectors.joining("\n"))));
        line(String.join("\n---\n\n", separated).stripTrailing());
    }

    private static String block(Result result) {
        String using = result.deviceCount() == 1 && result.strategy() == Strategy.DATA_PARALLEL
                ? ""
                : " - Using " + ReportFacts.strategy(result.strategy());
        String title = "**%s**%s:\n".formatted(ReportFacts.precision(result.precision()), using);
        if (result.status() != ResultStatus.OK) {
            return title
                    + "- Not measured (%s): %s\n"
                            .formatted(result.status().label(), result.error().message());
        }
        return title
                + "- Average Time: **%s ms**\n"
                        .formatted(decimal(result.stepMillis().mean(), 2))
                + "- Throughput: **%s images/second**\n".formatted(decimal(result.imagesPerSecond(), 2))
                + "- Effective Batch Size: **%d** (%s)\n".formatted(result.imagesPerStep(), ReportTables.chunks(result))
                + "- Memory Used: %s\n".formatted(memory(result.memoryMiB()))
                + ReportTables.disturbances(result).stream()
                        .map("- Disturbed: %s\n"::formatted)
                        .collect(Collectors.joining());
    }

    private static String memory(MemoryMiB memory) {
        if (memory == null) {
            return "not measured";
        }
        String kind = memory.kind() == null ? "" : ", " + memory.kind();
        return "**%s MiB** (largest device%s)".formatted(decimal(memory.max(), 2), kind);
    }

    private void comparison(Report report) {
        Table notMeasured = ReportTables.notMeasured(report);
        if (!ReportTables.finished(report).isEmpty()) {
            heading("Scaling");
            text.append(ReportTables.scaling(report).markdown());
            heading("Where a Step's Time Goes");
            line("Mean milliseconds of each phase on replica 0; with `Other` they add up to the step.");
            line("");
            text.append(ReportTables.phases(report).markdown());
            heading("Replicas");
            text.append(ReportTables.waiting(report).markdown());
            heading("Measurement Quality");
            line(ReportFacts.QUALITY);
            line("");
            text.append(ReportTables.quality(report).markdown());
        }
        table("Rounds", ProvenanceTables.ROUNDS, ProvenanceTables.rounds(report));
        table("Batches Tried", ProvenanceTables.TRIES, ProvenanceTables.tries(report));
        table(
                "GPUs",
                "While the measured steps ran, looked at every second: the mean, and from where to where.",
                GpuTable.of(report));
        if (!notMeasured.isEmpty()) {
            heading("Not Measured");
            text.append(notMeasured.markdown());
        }
    }

    private void peers(Report report) {
        Table notMeasured = PeerTables.notMeasured(report);
        table("Beside Other Programs", PeerTables.EXPLANATION, PeerTables.peers(report));
        if (!notMeasured.isEmpty()) {
            heading("Other Programs Not Measured in Full");
            text.append(notMeasured.markdown());
        }
    }

    private void table(String heading, String explanation, Table table) {
        if (!table.isEmpty()) {
            heading(heading);
            line(explanation);
            line("");
            text.append(table.markdown());
        }
    }

    private static String observation(Observation observation) {
        return observation.text() + " (" + String.join(", ", observation.evidence()) + ")";
    }

    private void list(String heading, List<String> items) {
        if (!items.isEmpty()) {
            heading(heading);
            items.forEach(item -> line("- " + item));
        }
    }

    private void outputs(List<DrawnPlot> plots) {
        heading("Outputs");
        line("- Every figure, with every step: `%s`; one row for each configuration: `%s`; for a browser: `%s`"
                .formatted(ReportWriter.JSON, ReportWriter.CSV, ReportWriter.HTML));
        if (!plots.isEmpty()) {
            line("- **Scaling comparison plots** are in `%s/`, each as PNG and as SVG".formatted(ReportWriter.PLOTS));
            plots.forEach(plot -> line("\n![%s](%s)".formatted(plot.title(), plot.pngFile())));
        }
    }

    private void heading(String heading) {
        line("\n---\n\n## " + heading);
    }

    private void line(String line) {
        text.append(line).append('\n');
    }
}

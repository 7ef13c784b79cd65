package dev.lockstep.coordinator.report;

import dev.lockstep.common.report.Report;
import dev.lockstep.coordinator.report.ReportFacts.Fact;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** {@code report.html}: one file that holds its styles and plots, to read in a browser, to print or to send. */
final class HtmlReport {
    private static final String STYLE =
            """
            body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1080px; margin: 2em auto; padding: 0 1em; }
            h1 { font-size: 1.6em; margin-bottom: .2em; }
            h2 { font-size: 1.2em; margin-top: 2em; border-bottom: 1px solid #ddd; padding-bottom: .2em; }
            .facts { display: grid; grid-template-columns: max-content 1fr; gap: .15em 1.5em; margin: 0; }
            .facts dt { color: #666; }
            .facts dd { margin: 0; overflow-wrap: anywhere; }
            .wide { overflow-x: auto; }
            table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .93em; }
            th, td { padding: .35em .7em; border-bottom: 1px solid #e4e4e4; text-align: left; vertical-align: top; }
            th { border-bottom: 2px solid #999; font-weight: 600; }
            td:first-child { white-space: nowrap; }
            .figure { text-align: right; white-space: nowrap; }
            .evidence { color: #666; font-size: .87em; }
            figure { margin: 1em 0; break-inside: avoid; }
            figure img { width: 100%; max-width: 900px; height: auto; }
            @media print { body { max-width: none; margin: 0; font-size: 11px; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
            """;

    private final StringBuilder html = new StringBuilder();

    private HtmlReport() {}

    static String render(Report report, List<DrawnPlot> plots) {
        HtmlReport page = new HtmlReport();
        String title = escape("Training scaling of " + report.model().name());
        page.html.append(
                """
                <!DOCTYPE html>
                <html lang="en">
                <head>
                <meta charset="utf-8">
                <meta name="viewport" content="width=device-width, initial-scale=1">
                <title>%s</title>
                <style>
                %s</style>
                </head>
                <body>
                <h1>%s</h1>
                """
                        .formatted(title, STYLE, title));
        page.facts(ReportFacts.run(report));
        page.table("Scaling", "", ReportTables.scaling(report));
        page.table("Not measured", "", ReportTables.notMeasured(report));
        page.table("Beside other programs", PeerTables.EXPLANATION, PeerTables.peers(report));
        page.table("Other programs not measured in full", "", PeerTables.notMeasured(report));
        page.list(
                "Observations",
                report.observations().stream()
                        .map(observation -> escape(observation.text()) + " <span class=\"evidence\">"
                                + escape(String.join(", ", observation.evidence())) + "</span>")
                        .toList());
        page.list("Notes", report.run().notes().stream().map(HtmlReport::escape).toList());
        plots.forEach(page::figure);
        page.table(
                "Where a step's time goes",
                "Mean milliseconds of each phase on replica 0; with “Other” they add up to the step.",
                ReportTables.phases(report));
        page.table("Replicas", "", ReportTables.waiting(report));
        page.table("Measurement quality", ReportFacts.QUALITY, ReportTables.quality(report));
        page.table("Rounds", ProvenanceTables.ROUNDS, ProvenanceTables.rounds(report));
        page.table("Batches tried", ProvenanceTables.TRIES, ProvenanceTables.tries(report));
        page.table(
                "GPUs",
                "While the measured steps ran, looked at every second: the mean, and from where to where.",
                GpuTable.of(report));
        page.facts("Configuration", ReportFacts.configuration(report));
        page.facts("Model", ReportFacts.model(report));
        page.facts("System", ReportFacts.system(report));
        page.facts("Devices", ReportFacts.devices(report));
        page.html.append("</body>\n</html>\n");
        return page.html.toString();
    }

    private void facts(String heading, List<Fact> facts) {
        heading(heading);
        facts(facts);
    }

    private void facts(List<Fact> facts) {
        html.append("<dl class=\"facts\">\n");
        facts.forEach(
                fact -> html.append("<dt>%s</dt><dd>%s</dd>\n".formatted(escape(fact.name()), escape(fact.value()))));
        html.append("</dl>\n");
    }

    private void list(String heading, List<String> items) {
        if (!items.isEmpty()) {
            heading(heading);
            html.append("<ul>\n");
            items.forEach(item -> html.append("<li>").append(item).append("</li>\n"));
            html.append("</ul>\n");
        }
    }

    private void table(String heading, String explanation, Table table) {
        if (table.isEmpty()) {
            return;
        }
        heading(heading);
        if (!explanation.isEmpty()) {
            html.append("<p>").append(escape(explanation)).append("</p>\n");
        }
        html.append("<div class=\"wide\"><table>\n<thead>")
                .append(row(table, table.headings(), "th"))
                .append("</thead>\n<tbody>\n");
        table.rows().forEach(row -> html.append(row(table, row, "td")).append('\n'));
        html.append("</tbody>\n</table></div>\n");
    }

    private static String row(Table table, List<String> cells, String tag) {
        return IntStream.range(0, cells.size())
                .mapToObj(column -> "<%s%s>%s</%s>"
                        .formatted(
                                tag, table.isText(column) ? "" : " class=\"figure\"", escape(cells.get(column)), tag))
                .collect(Collectors.joining("", "<tr>", "</tr>"));
    }

    /** As an image of its own: SVGs in one document would share their ids. */
    private void figure(DrawnPlot plot) {
        html.append("<figure><img alt=\"%s\" src=\"data:image/svg+xml;base64,%s\"></figure>\n"
                .formatted(escape(plot.title()), Base64.getEncoder().encodeToString(plot.svg())));
    }

    private void heading(String heading) {
        html.append("<h2>").append(escape(heading)).append("</h2>\n");
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}

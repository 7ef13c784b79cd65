package dev.lockstep.coordinator.report;

import dev.lockstep.common.report.ModelInfo;
import dev.lockstep.common.report.Observation;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.coordinator.report.ReportFacts.Fact;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** What the command line prints at a run's end. */
public final class ReportSummary {
    /** No line of text is longer; a table may be, where a configuration's name is. */
    static final int COLUMNS = 100;

    private static final int MOST_OBSERVATIONS = 8;

    private ReportSummary() {}

    /** A few lines of text and a Markdown table, in {@value #COLUMNS} columns, ending with a line break. */
    public static String render(Report report) {
        ModelInfo model = report.model();
        List<String> parts = new ArrayList<>();
        parts.add(paragraph(
                        "",
                        "%s, %s parameters (%s), %d classes, %d px, on %s."
                                .formatted(
                                        model.name(),
                                        Figures.whole(model.parameters()),
                                        ReportFacts.withUnit(Figures.decimal(model.sizeMiB(), 2), "MiB"),
                                        model.classes(),
                                        model.imageSize(),
                                        report.system().cpuModel()))
                + paragraph(
                        "",
                        ReportFacts.configuration(report).stream()
                                .map(ReportSummary::phrase)
                                .collect(Collectors.joining("; "))));
        Table table = ReportTables.summary(report);
        parts.add(table.isEmpty() ? "No measurement gave figures.\n" : table.markdown());
        Table peers = PeerTables.summary(report);
        parts.add(peers.isEmpty() ? "" : peers.markdown());
        parts.add(items(report.results().stream()
                .filter(result -> result.status() != ResultStatus.OK)
                .map(result -> "%s %s: %s"
                        .formatted(
                                result.id(),
                                result.status().label(),
                                result.error().message()))
                .toList()));
        parts.add(items(report.peers().stream()
                .filter(peer -> peer.status() != ResultStatus.OK)
                .map(peer -> "%s beside %s %s: %s"
                        .formatted(
                                peer.id(),
                                peer.of(),
                                peer.status().label(),
                                peer.error().message()))
                .toList()));
        parts.add(observations(report.observations()));
        parts.add(items(report.run().notes()));
        return parts.stream().filter(part -> !part.isEmpty()).collect(Collectors.joining("\n"));
    }

    private static String observations(List<Observation> observations) {
        List<String> texts = new ArrayList<>(observations.stream()
                .limit(MOST_OBSERVATIONS)
                .map(Observation::text)
                .toList());
        int more = observations.size() - texts.size();
        if (more > 0) {
            texts.add("%d more in %s".formatted(more, ReportWriter.MARKDOWN));
        }
        return items(texts);
    }

    private static String phrase(Fact fact) {
        return fact.name().toLowerCase(Locale.ROOT) + " " + fact.value();
    }

    private static String items(List<String> texts) {
        return texts.stream().map(text -> paragraph("- ", text)).collect(Collectors.joining());
    }

    /** Breaks a text between words; a longer word stands alone. */
    private static String paragraph(String bullet, String text) {
        String indent = " ".repeat(bullet.length());
        StringBuilder lines = new StringBuilder(bullet);
        int length = bullet.length();
        for (String word : text.strip().split("\\s+", -1)) {
            if (length > indent.length() && length + 1 + word.length() > COLUMNS) {
                lines.append('\n').append(indent);
                length = indent.length();
            } else if (length > indent.length()) {
                lines.append(' ');
                length++;
            }
            lines.append(word);
            length += word.length();
        }
        return lines.append('\n').toString();
    }
}

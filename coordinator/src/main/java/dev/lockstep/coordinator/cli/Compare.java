package dev.lockstep.coordinator.cli;

import dev.lockstep.common.report.Result;
import dev.lockstep.coordinator.report.ReportComparison;
import dev.lockstep.coordinator.report.ReportComparison.Row;
import dev.lockstep.coordinator.report.ReportReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lockstep compare}. */
@Command(
        name = "compare",
        description = {
            "Puts two reports side by side, matched by strategy, precision, devices and batch. The ratio is B's images per second",
            "over A's. Needs no cluster. With --fail-below it is a gate: exit status 1 when a configuration that A measured has",
            "a smaller ratio, or no figures in B."
        },
        sortOptions = false)
final class Compare implements Callable<Integer> {
    private final Shell shell;

    @Parameters(
            index = "0",
            paramLabel = "A",
            description = "a run as list shows it, a report's folder, or a report.json")
    String first;

    @Parameters(index = "1", paramLabel = "B", description = "likewise; what is compared with A")
    String second;

    @Option(
            names = "--fail-below",
            paramLabel = "RATIO",
            description = "the least ratio that is good enough, as in 0.95")
    Double failBelow;

    Compare(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        if (failBelow != null && !(failBelow > 0 && Double.isFinite(failBelow))) {
            throw new CommandException(ExitStatus.USAGE, "--fail-below is " + failBelow + ": it must be above 0");
        }
        Path pathA = path(first);
        Path pathB = path(second);
        ReportComparison comparison = new ReportComparison(ReportReader.read(pathA), ReportReader.read(pathB));
        List<Row> rows = comparison.rows();
        shell.out().println("A: " + pathA);
        shell.out().println("B: " + pathB);
        comparison.differences().forEach(difference -> shell.out().println("differs: " + difference));
        shell.out().println();
        table(rows).lines().forEach(shell.out()::println);
        if (rows.stream().map(Row::ratio).noneMatch(Objects::nonNull)) {
            throw new CommandException(ExitStatus.USAGE, "no configuration has figures in both reports");
        }
        return (failBelow == null ? ExitStatus.DONE : gate(rows)).code();
    }

    private Path path(String given) {
        Path path = shell.absolute(Path.of(given));
        Path ofRun = shell.runDir().reportDir(given);
        return !Files.exists(path) && ReportPrinter.isIn(ofRun) ? ofRun : path;
    }

    private static Table table(List<Row> rows) {
        Table table =
                new Table("CONFIGURATION", "A IMAGES/S", "B IMAGES/S", "A STEP MS", "B STEP MS", "RATIO", "REMARK");
        for (Row row : rows) {
            table.add(
                    row.id(),
                    decimal(row.one() == null ? null : row.one().imagesPerSecond(), 2),
                    decimal(row.other() == null ? null : row.other().imagesPerSecond(), 2),
                    decimal(meanMillis(row.one()), 2),
                    decimal(meanMillis(row.other()), 2),
                    decimal(row.ratio(), 3),
                    row.remark());
        }
        return table;
    }

    private static Double meanMillis(Result result) {
        return result == null || result.stepMillis() == null
                ? null
                : (Double) result.stepMillis().mean();
    }

    private static String decimal(Double value, int decimals) {
        return value == null ? null : String.format(Locale.ROOT, "%." + decimals + "f", value);
    }

    private ExitStatus gate(List<Row> rows) {
        List<String> below = rows.stream()
                .filter(Row::isExpected)
                .filter(row -> row.ratio() == null || row.ratio() < failBelow)
                .map(row -> row.id() + " " + (row.ratio() == null ? "has no figures in B" : decimal(row.ratio(), 3)))
                .toList();
        if (below.isEmpty()) {
            shell.out().println("every ratio is at least " + failBelow);
            return ExitStatus.DONE;
        }
        shell.err().println(Messages.error("below " + failBelow + ": " + String.join(", ", below)));
        return ExitStatus.FAILED;
    }
}

package dev.lockstep.coordinator.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Prints a run's report and where it lies. */
final class ReportPrinter {
    private final PrintStream out;

    ReportPrinter(PrintStream out) {
        this.out = out;
    }

    /**
     * Prints the report in a folder.
     *
     * @throws CommandException if there is none, or it cannot be read
     */
    void print(Path reportDir) {
        String summary;
        List<String> files;
        try (Stream<Path> listing = Files.list(reportDir)) {
            summary = Files.readString(reportDir.resolve("report.md"), StandardCharsets.UTF_8);
            files = listing.map(path -> Files.isDirectory(path) ? path.getFileName() + "/" : path.getFileName() + "")
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.FAILED, "cannot read a report in " + reportDir + " (" + Messages.of(e) + ")", e);
        }
        out.println();
        out.println(summary.strip());
        out.println();
        out.println("report: " + reportDir + " (" + String.join(", ", files) + ")");
    }
}

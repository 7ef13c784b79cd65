package dev.lockstep.coordinator.cli;

import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.coordinator.report.ReportReader;
import dev.lockstep.coordinator.report.ReportSummary;
import dev.lockstep.coordinator.report.ReportWriter;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Prints what a run's report comes to, and where it lies. */
final class ReportPrinter {
    private final PrintStream out;

    ReportPrinter(PrintStream out) {
        this.out = out;
    }

    /** Whether a folder holds a report. */
    static boolean isIn(Path reportDir) {
        return Files.exists(reportDir.resolve(ReportWriter.JSON));
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
            summary = ReportSummary.render(ReportReader.read(reportDir));
            files = listing.map(ReportPrinter::name).sorted().toList();
        } catch (LockstepException e) {
            // Where it is was not the user's choice: this is no wrong usage.
            throw new CommandException(ExitStatus.FAILED, e.getMessage(), e);
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.FAILED, "cannot read a report in " + reportDir + " (" + Messages.of(e) + ")", e);
        }
        out.println();
        out.println(summary.strip());
        out.println();
        out.println("report: " + reportDir + " (" + String.join(", ", files) + ")");
    }

    private static String name(Path file) {
        return Files.isDirectory(file)
                ? file.getFileName() + "/"
                : file.getFileName().toString();
    }
}

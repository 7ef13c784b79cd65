package dev.lockstep.coordinator.control;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.coordinator.data.BatchSource;
import dev.lockstep.coordinator.report.ReportWriter;
import dev.lockstep.coordinator.settings.RunRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** What is checked before a run is accepted, because it can be: that its data is there and that its report has a place. */
final class Preflight {
    private static final DateTimeFormatter ID =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT).withZone(ZoneId.systemDefault());

    private final Path runDir;

    Preflight(Path runDir) {
        this.runDir = runDir;
    }

    /** The folder with the reports of all runs that did not name another. */
    static Path reports(Path runDir) {
        return runDir.resolve("reports");
    }

    /**
     * Checks a run and makes its report folder; blocks.
     *
     * @throws LockstepException USAGE when there is no data, ENVIRONMENT when there is no place for the report
     */
    Assignment check(RunRequest request, Instant now, long firstEpoch) {
        Plan plan = request.plan();
        try (BatchSource source = BatchSource.open(plan.data(), plan.model(), plan.memoryFormat(), 1, plan.seed())) {
            // Opening it is the check; a run opens its own, of its own batch size.
            assert source != null;
        } catch (LockstepException e) {
            throw new LockstepException(FailureCategory.USAGE, "--data: " + e.getMessage(), e);
        }
        try {
            Path folder = request.output() == null ? newFolder(now) : givenFolder(request.output());
            String id = request.output() == null ? folder.getFileName().toString() : ID.format(now) + "-" + firstEpoch;
            return new Assignment(id, request, folder, now, firstEpoch);
        } catch (IOException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT, "there is no place for the report: " + e.getMessage(), e);
        }
    }

    private Path newFolder(Instant now) throws IOException {
        Path parent = Files.createDirectories(reports(runDir));
        Path folder = parent.resolve(ID.format(now));
        for (int attempt = 2; Files.exists(folder); attempt++) {
            folder = parent.resolve(ID.format(now) + "-" + attempt);
        }
        return Files.createDirectory(folder);
    }

    private static Path givenFolder(Path output) throws IOException {
        Path folder = Files.createDirectories(output.toAbsolutePath());
        if (Files.exists(folder.resolve(ReportWriter.JSON))) {
            throw new LockstepException(
                    FailureCategory.USAGE, "--output " + folder + " holds a report already: name another folder");
        }
        return folder;
    }
}

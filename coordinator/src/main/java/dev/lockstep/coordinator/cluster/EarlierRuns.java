package dev.lockstep.coordinator.cluster;

import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.api.RunView.MeasurementView;
import dev.lockstep.coordinator.report.ReportReader;
import dev.lockstep.coordinator.report.ReportWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The runs of earlier clusters in the same run folder, as their reports tell of them. */
final class EarlierRuns {
    private static final Logger LOG = LoggerFactory.getLogger(EarlierRuns.class);

    private EarlierRuns() {}

    /** Reads all reports under a folder, oldest first; one that cannot be read is left out, and the log says so. */
    static List<RunView> read(Path reports) {
        if (!Files.isDirectory(reports)) {
            return List.of();
        }
        List<RunView> views = new ArrayList<>();
        try (Stream<Path> folders = Files.list(reports)) {
            folders.sorted()
                    .map(folder -> folder.resolve(ReportWriter.JSON))
                    .filter(Files::exists)
                    .forEach(file -> {
                        try {
                            views.add(view(ReportReader.read(file), file.getParent()));
                        } catch (LockstepException e) {
                            LOG.warn("left out an earlier run: {}", e.getMessage());
                        }
                    });
        } catch (IOException e) {
            throw new UncheckedIOException("cannot list " + reports, e);
        }
        return views;
    }

    private static RunView view(Report report, Path folder) {
        List<MeasurementView> measurements =
                report.results().stream().map(EarlierRuns::view).toList();
        return new RunView(
                report.run().id(),
                report.run().status().label(),
                report.run().startedAt(),
                List.of(),
                measurements,
                folder.toString(),
                null);
    }

    private static MeasurementView view(Result result) {
        int total = result.warmupSteps() + result.steps();
        return new MeasurementView(
                result.id(),
                result.id(),
                result.status().label(),
                result.status() == ResultStatus.OK ? total : 0,
                total,
                result.imagesPerSecond(),
                result.error() == null ? null : result.error().message());
    }
}

package dev.lockstep.coordinator.report;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.report.Report;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Puts a run's report on disk. Every file is replaced in one go, so that a reader never sees a part of one.
 *
 * <p>Not thread-safe.
 */
public final class ReportWriter {
    /** The report itself; every other file is made from it. */
    public static final String JSON = "report.json";

    static final String MARKDOWN = "report.md";
    static final String CSV = "report.csv";
    static final String HTML = "report.html";
    static final String PLOTS = "plots";

    private final Path folder;
    private final PlotDrawer drawer;

    /** Writes into a folder, which is made when it is missing. */
    public ReportWriter(Path folder) {
        this(folder, new ChartDrawer());
    }

    ReportWriter(Path folder, PlotDrawer drawer) {
        this.folder = folder;
        this.drawer = drawer;
    }

    /**
     * Writes the report as it stands, without plots: for after each measurement.
     *
     * @throws LockstepException (environment) if the folder cannot be written
     */
    public void write(Report report) {
        write(report, List.of());
    }

    /**
     * Writes the whole report, plots included.
     *
     * @return why there are no plots, in one line; empty when there are, and when no measurement gave figures to draw
     * @throws LockstepException (environment) if the folder cannot be written
     */
    public Optional<String> writeFinal(Report report) {
        write(report, List.of());
        List<DrawnPlot> plots;
        try {
            plots = drawer.draw(report);
        } catch (PlotDrawer.CannotDrawException e) {
            return Optional.of(e.getMessage());
        }
        write(report, plots);
        return Optional.empty();
    }

    private void write(Report report, List<DrawnPlot> plots) {
        try {
            Files.createDirectories(folder);
            for (DrawnPlot plot : plots) {
                Files.createDirectories(folder.resolve(PLOTS));
                AtomicFile.write(folder.resolve(plot.pngFile()), plot.png());
                AtomicFile.write(folder.resolve(plot.svgFile()), plot.svg());
            }
            Map<String, String> texts = Map.of(
                    CSV, CsvReport.render(report),
                    MARKDOWN, MarkdownReport.render(report, plots),
                    HTML, HtmlReport.render(report, plots));
            for (Map.Entry<String, String> text : texts.entrySet()) {
                AtomicFile.write(folder.resolve(text.getKey()), text.getValue());
            }
            AtomicFile.write(folder.resolve(JSON), ReportJson.MAPPER.writeValueAsBytes(report));
        } catch (IOException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "the report cannot be written to %s: %s; free space there or name another folder with --output"
                            .formatted(folder, e),
                    e);
        }
    }
}

package dev.lockstep.coordinator.report;

import dev.lockstep.common.report.Report;
import java.awt.AWTError;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.VectorGraphicsEncoder.VectorGraphicsFormat;

/** Draws with XChart, which needs a font but no screen. */
final class ChartDrawer implements PlotDrawer {
    ChartDrawer() {
        // Else awt looks for the screen that DISPLAY names, which a server started over ssh may have lost since.
        System.setProperty("java.awt.headless", "true");
    }

    @Override
    public List<DrawnPlot> draw(Report report) throws CannotDrawException {
        try {
            List<DrawnPlot> plots = new ArrayList<>();
            for (Plot plot : Plots.of(report)) {
                plots.add(draw(plot));
            }
            return plots;
        } catch (IOException | RuntimeException | LinkageError | InternalError | AWTError e) {
            throw new CannotDrawException(
                    "no plots: this machine's Java cannot draw (%s); install the library that it names, or a font, such as the package fonts-dejavu-core"
                            .formatted(rootCause(e)),
                    e);
        }
    }

    private static DrawnPlot draw(Plot plot) throws IOException {
        ByteArrayOutputStream png = new ByteArrayOutputStream();
        BitmapEncoder.saveBitmap(plot.chart(), png, BitmapFormat.PNG);
        ByteArrayOutputStream svg = new ByteArrayOutputStream();
        VectorGraphicsEncoder.saveVectorGraphic(plot.chart(), svg, VectorGraphicsFormat.SVG);
        return new DrawnPlot(plot.name(), plot.title(), png.toByteArray(), svg.toByteArray());
    }

    private static String rootCause(Throwable error) {
        Throwable cause = error;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.toString().lines().findFirst().orElseThrow();
    }
}

package dev.lockstep.coordinator.report;

import dev.lockstep.common.report.Report;
import java.util.List;

/** Draws a report's plots. */
interface PlotDrawer {
    /**
     * Draws what the finished measurements give.
     *
     * @return no plot when no measurement gave figures
     * @throws CannotDrawException if this machine cannot draw
     */
    List<DrawnPlot> draw(Report report) throws CannotDrawException;

    /** This machine cannot draw; the message is one line for the user. */
    final class CannotDrawException extends Exception {
        private static final long serialVersionUID = 1L;

        CannotDrawException(String message, Throwable cause) {
            super(message, cause);
        }
    }
}

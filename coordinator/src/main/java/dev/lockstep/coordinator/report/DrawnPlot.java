package dev.lockstep.coordinator.report;

/** A plot in both of its forms. */
final class DrawnPlot {
    private final String name;
    private final String title;
    private final byte[] png;
    private final byte[] svg;

    /**
     * A plot.
     *
     * @param name of its files, without extension
     */
    DrawnPlot(String name, String title, byte[] png, byte[] svg) {
        this.name = name;
        this.title = title;
        this.png = png.clone();
        this.svg = svg.clone();
    }

    String title() {
        return title;
    }

    byte[] png() {
        return png.clone();
    }

    byte[] svg() {
        return svg.clone();
    }

    /** Relative to the report's folder. */
    String pngFile() {
        return ReportWriter.PLOTS + "/" + name + ".png";
    }

    /** Relative to the report's folder. */
    String svgFile() {
        return ReportWriter.PLOTS + "/" + name + ".svg";
    }
}

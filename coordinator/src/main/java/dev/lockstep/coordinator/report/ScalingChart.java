package dev.lockstep.coordinator.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** A figure against the number of devices, one curve for each way of training. */
final class ScalingChart {
    private static final List<Marker> MARKERS = List.of(
            SeriesMarkers.CIRCLE,
            SeriesMarkers.SQUARE,
            SeriesMarkers.DIAMOND,
            SeriesMarkers.TRIANGLE_UP,
            SeriesMarkers.TRIANGLE_DOWN);
    private static final BasicStroke SOLID = new BasicStroke(2.5f, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND);
    /** So many whole numbers fit the axis; beyond, XChart's own ticks are whole too. */
    private static final int MOST_TICKS = 16;

    private static final double HEADROOM = 1.08;

    private ScalingChart() {}

    /** A value at a number of devices. */
    record Point(int devices, double value) implements Comparable<Point> {
        @Override
        public int compareTo(Point other) {
            return Integer.compare(devices, other.devices);
        }
    }

    record Curve(String name, List<Point> points) {}

    /**
     * Makes the chart. Both axes start at 0.
     *
     * @param figureTitle of the y axis, with its unit
     * @param curves at least one, each of at least one point, in order of devices
     * @param ideals drawn dashed and without markers
     */
    static XYChart of(String title, String figureTitle, List<Curve> curves, List<Curve> ideals) {
        XYChart chart = new XYChartBuilder()
                .width(ChartStyle.WIDTH)
                .height(ChartStyle.HEIGHT)
                .title(title)
                .xAxisTitle("number of devices")
                .yAxisTitle(figureTitle)
                .build();
        ChartStyle.apply(chart.getStyler());
        int most = curves.stream()
                .flatMap(curve -> curve.points().stream())
                .mapToInt(Point::devices)
                .max()
                .orElseThrow();
        double highest = highest(curves, ideals);
        chart.getStyler()
                .setXAxisMin(0.0)
                .setXAxisMax((double) most)
                .setYAxisMin(0.0)
                .setYAxisMax(highest * HEADROOM);
        if (most <= MOST_TICKS) {
            addTicks(chart, most);
        }
        for (int i = 0; i < ideals.size(); i++) {
            XYSeries series = add(chart, ideals.get(i));
            series.setLineColor(ChartStyle.IDEAL).setLineStyle(dashes(i));
            series.setMarker(SeriesMarkers.NONE);
        }
        for (int i = 0; i < curves.size(); i++) {
            Color color = ChartStyle.COLORS.get(i % ChartStyle.COLORS.size());
            XYSeries series = add(chart, curves.get(i));
            series.setLineColor(color).setLineStyle(SOLID);
            series.setMarker(MARKERS.get(i % MARKERS.size())).setMarkerColor(color);
        }
        return chart;
    }

    /** XChart puts ticks where all curves together have evenly spaced points: an unseen one has a point at every whole number. */
    private static void addTicks(XYChart chart, int most) {
        double[] devices = IntStream.rangeClosed(0, most).asDoubleStream().toArray();
        XYSeries ticks = chart.addSeries("ticks", devices, new double[devices.length]);
        ticks.setShowInLegend(false);
        ticks.setLineColor(new Color(0, 0, 0, 0));
        ticks.setMarker(SeriesMarkers.NONE);
    }

    private static XYSeries add(XYChart chart, Curve curve) {
        double[] devices = curve.points().stream().mapToDouble(Point::devices).toArray();
        double[] values = curve.points().stream().mapToDouble(Point::value).toArray();
        return chart.addSeries(curve.name(), devices, values);
    }

    private static BasicStroke dashes(int index) {
        float dash = 8f / (index + 1);
        return new BasicStroke(1.5f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 10f, new float[] {dash, 4f}, 0f);
    }

    private static double highest(List<Curve> curves, List<Curve> ideals) {
        return Stream.concat(curves.stream(), ideals.stream())
                .flatMap(curve -> curve.points().stream())
                .mapToDouble(Point::value)
                .max()
                .orElseThrow();
    }
}

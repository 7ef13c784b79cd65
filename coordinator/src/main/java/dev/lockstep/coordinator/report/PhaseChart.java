package dev.lockstep.coordinator.report;

import dev.lockstep.common.report.Result;
import java.util.List;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;

/** The phases of a step, stacked, one bar for each configuration. */
final class PhaseChart {
    private PhaseChart() {}

    /** Makes the chart from results that are ok, at least one. */
    static CategoryChart of(List<Result> results) {
        CategoryChart chart = new CategoryChartBuilder()
                .width(ChartStyle.WIDTH)
                .height(ChartStyle.HEIGHT)
                .title("Phases of a step on replica 0")
                .xAxisTitle("configuration")
                .yAxisTitle("milliseconds")
                .build();
        ChartStyle.apply(chart.getStyler());
        chart.getStyler().setStacked(true).setAvailableSpaceFill(results.size() < 3 ? 0.3 : 0.7);
        chart.getStyler().setXAxisLabelRotation(results.size() > 3 ? 30 : 0);
        List<String> configurations = results.stream().map(Result::id).toList();
        for (Phase phase : Phase.values()) {
            // A phase is never negative; the rest may be, by a rounding.
            List<Double> millis = results.stream()
                    .map(result -> Math.max(0, phase.millis(result.phaseMillis())))
                    .toList();
            chart.addSeries(phase.heading(), configurations, millis).setFillColor(ChartStyle.color(phase));
        }
        return chart;
    }
}

package dev.lockstep.coordinator.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.coordinator.report.PlotDrawer.CannotDrawException;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.XYChart;

class PlotsTest {
    @Test
    void shouldDrawACurveForEachWayOfTrainingAndTheIdealOfEachPrecision() {
        Report report = SampleReport.of(
                SampleMeasurement.dataParallel(1, 32, 100).result(),
                SampleMeasurement.dataParallel(4, 128, 160).result(),
                SampleMeasurement.of(Strategy.ALL_REDUCE, Precision.FP32, 4, 128, 110)
                        .result(),
                SampleMeasurement.of(Strategy.DATA_PARALLEL, Precision.AMP, 1, 32, 80)
                        .result());
        XYChart throughput = chart(report, "throughput");
        assertEquals(
                Set.of(
                        "ticks",
                        "ideal, fp32",
                        "ideal, amp",
                        "fp32, data-parallel",
                        "fp32, all-reduce",
                        "amp, data-parallel"),
                throughput.getSeriesMap().keySet());
        assertArrayEquals(
                new double[] {1, 4},
                throughput.getSeriesMap().get("fp32, data-parallel").getXData());
        assertArrayEquals(
                new double[] {320, 800},
                throughput.getSeriesMap().get("fp32, data-parallel").getYData(),
                1e-9);
        assertArrayEquals(
                new double[] {0, 1280},
                throughput.getSeriesMap().get("ideal, fp32").getYData(),
                1e-9);
    }

    @Test
    void shouldKeepBatchesApart() {
        Report weak = SampleReport.of(
                SampleMeasurement.dataParallel(1, 16, 100).result(),
                SampleMeasurement.dataParallel(1, 32, 160).result(),
                SampleMeasurement.dataParallel(2, 32, 110).result());
        XYChart throughput = chart(weak, "throughput");
        assertEquals(
                Set.of(
                        "ticks",
                        "ideal, fp32, 16 per device",
                        "ideal, fp32, 32 per device",
                        "fp32, data-parallel, 16 per device",
                        "fp32, data-parallel, 32 per device"),
                throughput.getSeriesMap().keySet());
        assertArrayEquals(
                new double[] {0, 400},
                throughput.getSeriesMap().get("ideal, fp32, 32 per device").getYData(),
                1e-9);
        Report strong = SampleReport.of(
                SampleMeasurement.strong(1, 16, 100).result(),
                SampleMeasurement.strong(2, 16, 60).result(),
                SampleMeasurement.strong(2, 32, 110).result());
        assertArrayEquals(
                new double[] {1, 2},
                chart(strong, "step-time")
                        .getSeriesMap()
                        .get("fp32, data-parallel, 16 in all")
                        .getXData());
    }

    @Test
    void shouldStartAtZeroAndMarkEveryWholeNumberOfDevices() {
        XYChart steps = chart(SampleReport.typical(), "step-time");
        assertEquals(0.0, steps.getStyler().getYAxisMin());
        assertEquals(0.0, steps.getStyler().getXAxisMin());
        assertArrayEquals(
                new double[] {0, 1, 2}, steps.getSeriesMap().get("ticks").getXData());
    }

    @Test
    void shouldLeaveOutWhatWasNotMeasured() {
        SampleMeasurement sample = SampleMeasurement.dataParallel(2, 64, 100);
        sample.summaries.replaceAll(
                summary -> new ReplicaSummary(summary.parameterChecksum(), null, null, null, false));
        assertEquals(
                List.of("throughput", "step-time", "phases"),
                Plots.of(SampleReport.of(sample.result())).stream()
                        .map(Plot::name)
                        .toList());
    }

    @Test
    void shouldStackThePhasesUpToTheStep() {
        Plot plot = Plots.of(SampleReport.typical()).get(4);
        CategoryChart phases = (CategoryChart) plot.chart();
        double sum = phases.getSeriesMap().values().stream()
                .mapToDouble(
                        series -> series.getYData().stream().toList().get(1).doubleValue())
                .sum();
        assertEquals(2705, sum, 1e-9);
        assertTrue(phases.getStyler().isStacked());
    }

    @Test
    void shouldDrawSinglePointsAndManyDevices() throws CannotDrawException {
        Report one = SampleReport.of(SampleMeasurement.dataParallel(1, 8, 100).result());
        Report many =
                SampleReport.of(SampleMeasurement.dataParallel(64, 512, 100).result());
        assertEquals(5, new ChartDrawer().draw(one).size());
        assertEquals(4, new ChartDrawer().draw(many).size(), "no efficiency without a baseline");
    }

    private static XYChart chart(Report report, String name) {
        return (XYChart) Plots.of(report).stream()
                .filter(plot -> plot.name().equals(name))
                .findFirst()
                .orElseThrow()
                .chart();
    }
}

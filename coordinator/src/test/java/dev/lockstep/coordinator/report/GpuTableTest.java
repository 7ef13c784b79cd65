package dev.lockstep.coordinator.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.report.GpuConditions;
import dev.lockstep.common.report.GpuConditions.OfGpu;
import dev.lockstep.common.report.GpuConditions.Range;
import dev.lockstep.common.report.Observation;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.SystemInfo;
import java.util.List;
import org.junit.jupiter.api.Test;

class GpuTableTest {
    private static final OfGpu QUIET = new OfGpu(
            "cuda:0",
            3,
            new Range(1900, 1950.4, 1980),
            new Range(2619, 2619, 2619),
            new Range(300, 350, 400.2),
            null,
            List.of(),
            0);
    private static final OfGpu DISTURBED =
            new OfGpu("cuda:1", 3, null, null, null, new Range(60, 61, 62), List.of("power cap", "heat"), 2);

    private static Result measured() {
        Result result = SampleMeasurement.dataParallel(2, 32, 100, 101).result();
        return result.withGpus(
                new GpuConditions(List.of(QUIET, DISTURBED), List.of("cuda:1 was throttled in all samples.")));
    }

    @Test
    void shouldShowHowEachGpuFared() {
        Report report = SampleReport.of(measured());
        assertEquals(
                List.of(
                        List.of(
                                "data-parallel-fp32-2x16",
                                "cuda:0",
                                "1950 (1900 to 1980)",
                                "350 (300 to 400)",
                                "-",
                                "nothing",
                                "0"),
                        List.of(
                                "data-parallel-fp32-2x16",
                                "cuda:1",
                                "-",
                                "-",
                                "61 (60 to 62)",
                                "power cap, heat",
                                "2")),
                GpuTable.of(report).rows());
        assertTrue(MarkdownReport.render(report, List.of()).contains("## GPUs\n"));
        assertTrue(HtmlReport.render(report, List.of()).contains("<h2>GPUs</h2>"));
        assertFalse(MarkdownReport.render(SampleReport.typical(), List.of()).contains("## GPUs"));
    }

    @Test
    void shouldSayWhatMakesFiguresDoubtfulAndKeepItWithTheSpeedUp() {
        Result one = SampleMeasurement.dataParallel(1, 16, 90, 91).result();
        List<Result> results = Speedups.fill(List.of(one, measured()));
        assertEquals(2, results.get(1).gpus().perDevice().size());
        assertTrue(results.get(1).speedup() > 1);
        assertTrue(Observations.of(results, true)
                .contains(new Observation(
                        "While data-parallel-fp32-2x16 ran: cuda:1 was throttled in all samples.",
                        List.of("data-parallel-fp32-2x16"))));
    }

    @Test
    void shouldDescribeAGpu() {
        assertEquals(
                "compute capability 9.0, GPU-1, PCI 0000:18:00.0, driver 580.95.05; nvlink to cuda:1, pcie-switch to cuda:2 without peer access",
                GpuTable.description(new SystemInfo.Gpu(
                        "GPU-1",
                        "9.0",
                        "0000:18:00.0",
                        "580.95.05",
                        18,
                        List.of(
                                new SystemInfo.Link("cuda:1", "nvlink", true),
                                new SystemInfo.Link("cuda:2", "pcie-switch", false)))));
    }
}

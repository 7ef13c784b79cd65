package dev.lockstep.coordinator.report;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.DataSpec;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.ModelInfo;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.common.report.RunInfo;
import dev.lockstep.common.report.RunStatus;
import dev.lockstep.common.report.SystemInfo;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

/** Reports made up for tests. */
final class SampleReport {
    private SampleReport() {}

    /** One and two devices went well, four did not fit. */
    static Report typical() {
        Result failed = Results.notOk(
                SampleMeasurement.dataParallel(4, 64, 1).spec,
                List.of("cpu:0", "cpu:1", "cpu:2", "cpu:3"),
                null,
                ResultStatus.SKIPPED,
                new Failure(
                        FailureCategory.NOT_ENOUGH_MEMORY, "4 replicas need 9000 MiB, the machine has 8000 | free"));
        return of(
                SampleMeasurement.dataParallel(1, 16, 2500, 2600, 2550, 2500).result(),
                SampleMeasurement.dataParallel(2, 32, 2700, 2720, 2690, 2710).result(),
                failed);
    }

    static Report of(Result... results) {
        List<Result> withSpeedups = Speedups.fill(List.of(results));
        return new Report(
                Report.SCHEMA,
                new RunInfo(
                        "r-20260304-050607",
                        RunStatus.PARTIAL,
                        Instant.parse("2026-03-04T05:06:07.123456Z"),
                        Instant.parse("2026-03-04T05:09:00Z"),
                        plan(),
                        List.of("The defaults are smaller than on GPUs: batch 16 per device & 4 steps.")),
                new SystemInfo(
                        "host",
                        "Linux 6.1.0 amd64",
                        "Example CPU <2 GHz>",
                        2,
                        8000,
                        "17.0.15",
                        "2.8.5",
                        "0.32.0",
                        "2.5.1",
                        null,
                        null,
                        List.of(
                                new SystemInfo.Device("cpu:0", "Example CPU, core 0", null, null),
                                new SystemInfo.Device("cpu:1", "Example CPU, core 1", null, null)),
                        "0.1.0-SNAPSHOT",
                        null,
                        "glibc 2.36, huge pages",
                        "libtorch"),
                new ModelInfo("efficientnet_b3", 35, 224, 10_750_027L, 41.0081),
                withSpeedups,
                Observations.of(withSpeedups, plan().cudaGraphs()));
    }

    private static Plan plan() {
        return new Plan(
                List.of(1, 2, 4),
                List.of(Strategy.DATA_PARALLEL),
                List.of(Precision.FP32),
                16,
                null,
                new ModelSpec("efficientnet_b3", 35, 224, null, null),
                4,
                2,
                new OptimizerSpec(OptimizerKind.SGD, 0.01, 0.9, 1e-4),
                MemoryFormat.CHANNELS_LAST,
                new DataSpec.ImageFolder(Path.of("photographs")),
                0);
    }
}

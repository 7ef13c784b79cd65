package dev.lockstep.coordinator.cli;

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
import dev.lockstep.common.report.RunInfo;
import dev.lockstep.common.report.RunStatus;
import dev.lockstep.common.report.SystemInfo;
import dev.lockstep.coordinator.report.ReportWriter;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

/** The smallest report there is: no measurement gave figures. */
final class SmallReport {
    /** A line of its summary. */
    static final String LINE = "No measurement gave figures.";

    private SmallReport() {}

    static void writeTo(Path folder) {
        writeTo(folder, null, List.of());
    }

    /** The same with results, on a machine whose engine has this version of CUDA, or null. */
    static void writeTo(Path folder, String cudaVersion, List<Result> results) {
        Plan plan = new Plan(
                List.of(1),
                List.of(Strategy.DATA_PARALLEL),
                List.of(Precision.FP32),
                4,
                null,
                new ModelSpec("tiny", 10, 32, null, null),
                3,
                1,
                new OptimizerSpec(OptimizerKind.SGD, 0.01, 0.9, 0.0001),
                MemoryFormat.CHANNELS_LAST,
                new DataSpec.Synthetic(),
                0);
        SystemInfo system = new SystemInfo(
                "host",
                "system",
                "processor",
                1,
                1000,
                "17",
                "2",
                "0",
                "2",
                cudaVersion,
                cudaVersion,
                List.of(),
                "0",
                null,
                null,
                null);
        RunInfo run = new RunInfo("r1", RunStatus.CANCELLED, Instant.EPOCH, Instant.EPOCH, plan, List.of());
        ModelInfo model = new ModelInfo("tiny", 10, 32, 1000L, 0.1);
        new ReportWriter(folder).write(new Report(Report.SCHEMA, run, system, model, results, List.of()));
    }
}

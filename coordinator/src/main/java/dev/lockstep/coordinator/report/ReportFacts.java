package dev.lockstep.coordinator.report;

import dev.lockstep.common.plan.Labelled;
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
import dev.lockstep.common.report.SystemInfo;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** What a report says of the run, the machine, the model and the plan, as pairs of a name and a value. */
final class ReportFacts {
    /** What the table of that name shows. */
    static final String QUALITY =
            "Warm-up ends when the step time is steady. The interval is where the mean would lie in 95 of 100 such measurements; "
                    + "an outlier lies " + OutlierRule.TEXT + " of the steps, and is kept.";

    private ReportFacts() {}

    record Fact(String name, String value) {}

    static List<Fact> run(Report report) {
        RunInfo run = report.run();
        String status = run.finishedAt() == null
                ? run.status().label() + ", still running"
                : run.status().label();
        return List.of(
                new Fact("Run", run.id()),
                new Fact("Status", status),
                new Fact("Started", instant(run.startedAt())),
                new Fact("Finished", instant(run.finishedAt())));
    }

    static List<Fact> system(Report report) {
        SystemInfo system = report.system();
        List<Fact> facts = new ArrayList<>(List.of(
                new Fact("Hostname", Figures.text(system.hostname())),
                new Fact("Platform", Figures.text(system.platform())),
                new Fact("Processor", "%s, %d logical processors".formatted(system.cpuModel(), system.cpuCores())),
                new Fact("Memory", Figures.whole(system.memoryMiB()) + " MiB"),
                new Fact("Java Version", Figures.text(system.javaVersion())),
                new Fact("PyTorch Version", Figures.text(system.pytorchVersion())),
                new Fact("DJL Version", Figures.text(system.djlVersion())),
                new Fact("Memory Allocator", Figures.text(system.allocator())),
                new Fact("Kernels", Figures.text(system.kernels())),
                new Fact("Akka Version", Figures.text(system.akkaVersion()))));
        if (system.cudaVersion() != null) {
            facts.add(new Fact("CUDA Version", system.cudaVersion()));
        }
        if (system.cudnnVersion() != null) {
            facts.add(new Fact("cuDNN Version", system.cudnnVersion()));
        }
        String commit = system.gitCommit() == null ? "" : " (" + system.gitCommit() + ")";
        facts.add(new Fact("Lockstep Version", Figures.text(system.lockstepVersion()) + commit));
        facts.add(new Fact("Device Count", Integer.toString(system.devices().size())));
        return List.copyOf(facts);
    }

    static List<Fact> devices(Report report) {
        return report.system().devices().stream()
                .map(device -> new Fact(device.id(), description(device)))
                .toList();
    }

    private static String description(SystemInfo.Device device) {
        String memory = device.memoryMiB() == null ? "" : ", " + Figures.whole(device.memoryMiB()) + " MiB";
        String gpu = device.gpu() == null ? "" : ", " + GpuTable.description(device.gpu());
        return device.name() + memory + gpu;
    }

    static List<Fact> model(Report report) {
        ModelInfo model = report.model();
        return List.of(
                new Fact("Model", model.name()),
                new Fact("Total Parameters", Figures.whole(model.parameters())),
                new Fact("Model Size", withUnit(Figures.decimal(model.sizeMiB(), 2), "MiB")),
                new Fact("Classes", Integer.toString(model.classes())),
                new Fact("Input", "%1$d x %2$d x %2$d".formatted(ModelSpec.CHANNELS, model.imageSize())));
    }

    static List<Fact> configuration(Report report) {
        Plan plan = report.run().plan();
        List<Fact> facts = new ArrayList<>(List.of(
                new Fact("Batch", batch(plan)),
                new Fact("Steps", steps(plan)),
                new Fact("Strategies", labels(plan.strategies())),
                new Fact("Precisions", labels(plan.precisions())),
                new Fact("Optimizer", optimizer(plan.optimizer())),
                new Fact("Memory Format", plan.memoryFormat().label()),
                new Fact("Data", plan.data().spelling()),
                new Fact("Seed", Long.toString(plan.seed()))));
        if (plan.cudaGraphs()) {
            facts.add(new Fact("CUDA Graphs", "recorded in the second step"));
        }
        return facts;
    }

    private static String batch(Plan plan) {
        if (plan.largestBatch()) {
            return "the largest that fits, per device (weak scaling)";
        }
        return plan.globalBatch() == null
                ? numbers(plan.batchPerDevice()) + " per device (weak scaling)"
                : numbers(plan.globalBatch()) + " over all devices (strong scaling)";
    }

    private static String numbers(List<Integer> numbers) {
        return numbers.stream().map(String::valueOf).collect(Collectors.joining(", "));
    }

    private static String steps(Plan plan) {
        String steps = "%d measured after %s of warm-up".formatted(plan.steps(), warmUp(plan));
        return plan.rounds() == 1 ? steps : steps + ", in each of %d rounds".formatted(plan.rounds());
    }

    /** The heading of a block of results: {@code Single CPU device (cpu:0)}, {@code 2 GPUs (cuda:0 and cuda:1)}. */
    static String devicesHeading(Result result) {
        boolean gpus = result.devices().stream().allMatch(id -> id.startsWith("cuda:"));
        String names = result.devices().isEmpty() ? "" : " (" + Figures.enumeration(result.devices()) + ")";
        String kind = gpus ? "GPU" : "CPU device";
        return result.deviceCount() == 1 ? "Single " + kind + names : result.deviceCount() + " " + kind + "s" + names;
    }

    /** A precision in the words of the benchmark's readers. */
    static String precision(Precision precision) {
        return switch (precision) {
            case FP32 -> "Standard Precision (FP32)";
            case FP32_STRICT -> "Standard Precision (FP32 without TF32)";
            case AMP -> "Mixed Precision (AMP)";
            case AMP_FP16 -> "Mixed Precision (AMP, float16)";
            case AMP_BF16 -> "Mixed Precision (AMP, bfloat16)";
        };
    }

    static String strategy(Strategy strategy) {
        return switch (strategy) {
            case DATA_PARALLEL -> "DataParallel";
            case ALL_REDUCE -> "all-reduce";
        };
    }

    static String withUnit(String figure, String unit) {
        return figure.equals(Figures.NONE) ? figure : figure + " " + unit;
    }

    private static String warmUp(Plan plan) {
        return plan.warmup() == plan.warmupLimit()
                ? Integer.toString(plan.warmup())
                : plan.warmup() + " to " + plan.warmupLimit();
    }

    private static String optimizer(OptimizerSpec optimizer) {
        String momentum = optimizer.kind() == OptimizerKind.SGD ? ", momentum " + plain(optimizer.momentum()) : "";
        return "%s, learning rate %s%s, weight decay %s"
                .formatted(
                        optimizer.kind().label(),
                        plain(optimizer.learningRate()),
                        momentum,
                        plain(optimizer.weightDecay()));
    }

    /** Without an exponent: 0.0001. */
    private static String plain(double value) {
        return BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
    }

    private static String labels(List<? extends Labelled> constants) {
        return constants.stream().map(Labelled::label).collect(Collectors.joining(", "));
    }

    private static String instant(Instant instant) {
        return instant == null
                ? Figures.NONE
                : instant.truncatedTo(ChronoUnit.SECONDS).toString();
    }
}

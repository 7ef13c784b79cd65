package dev.lockstep.coordinator.cli;

import dev.lockstep.common.report.Result.StepMillis;
import dev.lockstep.coordinator.overhead.Comparison;
import dev.lockstep.coordinator.overhead.Contender;
import dev.lockstep.coordinator.overhead.EmptyStep;
import dev.lockstep.coordinator.overhead.OverheadReport;
import dev.lockstep.coordinator.overhead.Target;
import dev.lockstep.coordinator.report.Spread;
import java.io.PrintStream;
import java.util.Locale;

/** Prints what an overhead measurement found. */
final class OverheadPrinter {
    private OverheadPrinter() {}

    static void print(PrintStream out, OverheadReport report) {
        if (!report.training().isEmpty()) {
            print(out, training(report));
            out.println(
                    "IN STEP: the ratio if each bare loop waited for the slowest of them in every step, as replicas must.");
        }
        if (!report.emptySteps().isEmpty()) {
            print(out, emptySteps(report));
        }
        print(out, targets(report));
        out.println("The targets are for EfficientNet-B3, FP32, batch 16, on two cores with nothing else to do.");
    }

    private static void print(PrintStream out, Table table) {
        out.println();
        table.lines().forEach(out::println);
        out.println();
    }

    private static Table training(OverheadReport report) {
        Table table = new Table(
                "LOCKSTEP ON", "IMAGES/S", "BARE LOOPS' IMAGES/S", "RATIO", "FROM", "TO", "IN STEP", "REPLICATE MS");
        for (Comparison comparison : report.training()) {
            Spread ratio = comparison.ratio();
            boolean alone = comparison.devices() == 1;
            table.add(
                    new Contender(comparison.devices(), comparison.strategy()).label(),
                    number(comparison.lockstepImagesPerSecond(), 2),
                    number(comparison.bareImagesPerSecond(), 2),
                    number(ratio.median(), 3),
                    number(ratio.min(), 3),
                    number(ratio.max(), 3),
                    alone ? null : number(comparison.inStepRatio().median(), 3),
                    alone ? null : number(comparison.replicateMillis().median(), 3));
        }
        return table;
    }

    private static Table emptySteps(OverheadReport report) {
        Table table = new Table("EMPTY STEP", "TLS", "MEDIAN MS", "P95", "P99", "MAX");
        for (EmptyStep empty : report.emptySteps()) {
            StepMillis millis = empty.stepMillis();
            table.add(
                    Messages.count(empty.workers(), "worker"),
                    empty.tls() ? "on" : "off",
                    number(millis.median(), 3),
                    number(millis.p95(), 3),
                    number(millis.p99(), 3),
                    number(millis.max(), 3));
        }
        return table;
    }

    private static Table targets(OverheadReport report) {
        Table table = new Table("TARGET", "MEASURED", "SHOULD BE", "VERDICT");
        for (Target target : report.targets()) {
            String bound =
                    switch (target.bound()) {
                        case AT_LEAST -> "at least ";
                        case AT_MOST -> "at most ";
                    };
            table.add(
                    target.name(),
                    target.figure() == null ? null : number(target.figure(), 3),
                    bound + target.limit(),
                    target.met() == null ? "not measured" : target.met() ? "met" : "missed");
        }
        return table;
    }

    private static String number(double value, int digits) {
        return String.format(Locale.ROOT, "%." + digits + "f", value);
    }
}

package dev.lockstep.coordinator.verify;

import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** What a verification compares, on so many devices and for so many precisions. */
public final class Verification {
    private Verification() {}

    /**
     * Two traces that must agree.
     *
     * @param name for people: what is compared with what
     * @param expected the reference
     */
    public record Comparison(String name, TraceCase expected, TraceCase actual, Rule rule) {}

    /**
     * The comparisons. With one device those that need more are left out.
     *
     * @param devices the most devices to use, at least 1
     * @param precisions to compare with fp32; fp32 itself is always traced and may be among them
     */
    public static List<Comparison> comparisons(int devices, List<Precision> precisions) {
        List<Comparison> comparisons = new ArrayList<>();
        TraceCase alone = fp32(Strategy.DATA_PARALLEL, 1, Inputs.ONE_CHUNK);
        TraceCase repeated = alone;
        if (devices > 1) {
            TraceCase together = fp32(Strategy.DATA_PARALLEL, devices, Inputs.A_CHUNK_EACH);
            TraceCase uneven = fp32(Strategy.DATA_PARALLEL, devices, Inputs.UNEVEN);
            comparisons.add(
                    new Comparison("1 device against " + devices, alone, together, new Rule.WithinRounding(devices)));
            comparisons.add(new Comparison(
                    "data-parallel against all-reduce",
                    uneven,
                    fp32(Strategy.ALL_REDUCE, devices, Inputs.UNEVEN),
                    new Rule.WithinRounding(1)));
            repeated = uneven;
        }
        for (Precision precision : precisions) {
            if (precision != Precision.FP32) {
                TraceCase actual = new TraceCase(alone.strategy(), precision, 1, alone.inputs(), 1);
                comparisons.add(new Comparison(
                        "fp32 against " + precision.label(), alone, actual, Rule.forPrecision(precision)));
            }
        }
        TraceCase again =
                new TraceCase(repeated.strategy(), repeated.precision(), repeated.devices(), repeated.inputs(), 2);
        comparisons.add(new Comparison("the same run twice", repeated, again, new Rule.Identical()));
        return List.copyOf(comparisons);
    }

    /**
     * The comparisons for replicas on GPUs. What takes part in them is fp32-strict, as TF32 rounds more than another order of
     * summation does; a run is compared with itself within rounding, as cuDNN's gradients do not repeat to the bit; and amp has a
     * GradScaler there. With one device those that need more are left out.
     *
     * @param devices the most devices to use, at least 1
     * @param precisions to compare with fp32-strict, which itself is always traced
     * @param hasTf32 whether the GPUs have TF32, so that fp32 must show it
     */
    public static List<Comparison> onGpus(int devices, List<Precision> precisions, boolean hasTf32) {
        TraceCase alone = alone(Precision.FP32_STRICT);
        TraceCase repeated = alone;
        List<Comparison> comparisons = new ArrayList<>();
        if (devices > 1) {
            repeated = trace(Strategy.DATA_PARALLEL, Precision.FP32_STRICT, devices, Inputs.UNEVEN, 1);
            comparisons.add(acrossDevices(Precision.FP32_STRICT, devices, new Rule.WithinRounding(devices)));
            if (precisions.contains(Precision.AMP)) {
                comparisons.add(acrossDevices(Precision.AMP, devices, new Rule.SameForward(devices)));
            }
            comparisons.add(new Comparison(
                    "data-parallel against all-reduce",
                    repeated,
                    trace(Strategy.ALL_REDUCE, Precision.FP32_STRICT, devices, Inputs.UNEVEN, 1),
                    new Rule.WithinRounding(1)));
        }
        for (Precision precision : precisions) {
            if (precision != Precision.FP32_STRICT) {
                comparisons.add(new Comparison(
                        "fp32-strict against " + precision.label(),
                        alone,
                        alone(precision),
                        onGpu(precision, hasTf32)));
            }
        }
        comparisons.add(new Comparison(
                "steps recorded against launched", alone, alone.launchedOneByOne(), new Rule.WithinRounding(1)));
        TraceCase again = trace(repeated.strategy(), repeated.precision(), repeated.devices(), repeated.inputs(), 2);
        comparisons.add(new Comparison("the same run twice", repeated, again, new Rule.WithinRounding(1)));
        return List.copyOf(comparisons);
    }

    private static Comparison acrossDevices(Precision precision, int devices, Rule rule) {
        return new Comparison(
                precision.label() + ", 1 device against " + devices,
                alone(precision),
                trace(Strategy.DATA_PARALLEL, precision, devices, Inputs.A_CHUNK_EACH, 1),
                rule);
    }

    private static Rule onGpu(Precision precision, boolean hasTf32) {
        return switch (precision) {
            case FP32 -> hasTf32 ? new Rule.SameDirection(false) : new Rule.WithinRounding(1);
            case AMP -> Rule.forPrecision(Precision.AMP_FP16);
            case FP32_STRICT, AMP_FP16, AMP_BF16 -> Rule.forPrecision(precision);
        };
    }

    private static TraceCase alone(Precision precision) {
        return trace(Strategy.DATA_PARALLEL, precision, 1, Inputs.ONE_CHUNK, 1);
    }

    private static TraceCase trace(Strategy strategy, Precision precision, int devices, Inputs inputs, int repetition) {
        return new TraceCase(strategy, precision, devices, inputs, repetition);
    }

    private static TraceCase fp32(Strategy strategy, int devices, Inputs inputs) {
        return new TraceCase(strategy, Precision.FP32, devices, inputs, 1);
    }

    /** The traces that comparisons need, each once, in the order they are first needed. */
    public static List<TraceCase> traces(List<Comparison> comparisons) {
        Set<TraceCase> traces = new LinkedHashSet<>();
        for (Comparison comparison : comparisons) {
            traces.add(comparison.expected());
            traces.add(comparison.actual());
        }
        return List.copyOf(traces);
    }
}

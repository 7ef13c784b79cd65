package dev.lockstep.coordinator.verify;

import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.tensor.FloatTensors;
import dev.lockstep.common.tensor.TensorComparison;
import dev.lockstep.common.tensor.TensorComparison.Group;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** How two traces must agree. */
public sealed interface Rule {
    /** Judges two traces: one finding a group, and one for each tensor that is missing. */
    List<Finding> judge(FloatTensors expected, FloatTensors actual);

    /** The rule for a precision against fp32. */
    static Rule forPrecision(Precision precision) {
        return switch (precision) {
            case FP32, FP32_STRICT -> new WithinRounding(1);
            case AMP, AMP_BF16 -> new SameDirection(false);
            case AMP_FP16 -> new SameDirection(true);
        };
    }

    /**
     * The same computation in another order of summation: every group within its bound.
     *
     * @param repetitions how often the expected logits stand in the actual ones
     */
    record WithinRounding(int repetitions) implements Rule {
        /**
         * The bound of a group. Float32 rounds at 6e-8, but each batch norm divides by deviations of a few values, and gradients of
         * early layers are long sums that nearly cancel: on three devices, where a third is not exact, B0 and B3 were found up to 6e-6
         * apart in the loss, 1e-2 in the worst element of a gradient, 1e-3 in parameters and 4e-4 in statistics; on two and four
         * they were equal. What is wrong (a mean for a sum, a chunk of the wrong size, another replica's statistics) is off by a
         * tenth or more in some element.
         */
        private static double bound(String group) {
            return switch (group) {
                case "loss", "logits" -> 1e-3;
                case "grad" -> 5e-2;
                default -> 1e-2;
            };
        }

        @Override
        public List<Finding> judge(FloatTensors expected, FloatTensors actual) {
            TensorComparison comparison = TensorComparison.of(new RepeatedLogits(expected, repetitions), actual);
            List<Finding> findings = new ArrayList<>();
            for (Group group : comparison.groups()) {
                double bound = bound(group.name());
                findings.add(new Finding(
                        group.name(),
                        "error " + scientific(group.worstError()),
                        "at most " + scientific(bound),
                        group.worstError() <= bound,
                        group.worstTensor()));
            }
            findings.addAll(missing(comparison));
            return findings;
        }
    }

    /**
     * Mixed precision: the gradients point the same way and the loss is near, but the logits show that it was used.
     *
     * @param scaled whether a GradScaler has still to find its scale: its first steps overflow and are skipped, as torch's are, so
     *     that gradients and the losses that follow from them say nothing yet
     */
    record SameDirection(boolean scaled) implements Rule {
        /**
         * Batch norm over the few values of so small a batch magnifies bfloat16's rounding: torch 1.13's own autocast on the CPU was
         * found at cosines from 0.72 to 0.83 on five such batches. A gradient that is not this one is near 0.
         */
        static final double LEAST_COSINE = 0.6;
        /** The second loss follows from the first gradient: torch was found up to 0.27 off on the same batches. */
        static final double LOSS_BOUND = 0.5;

        /** Float32 in another order stays far below, bfloat16 with its 8 bits and float16 with its 11 far above. */
        static final double LEAST_DIFFERENCE = 1e-4;

        @Override
        public List<Finding> judge(FloatTensors expected, FloatTensors actual) {
            TensorComparison comparison = TensorComparison.of(expected, actual);
            List<Finding> findings = new ArrayList<>();
            for (Group group : comparison.groups()) {
                if (scaled && !group.name().equals("logits")) {
                    continue;
                }
                double error = group.worstError();
                switch (group.name()) {
                    case "loss" ->
                        findings.add(new Finding(
                                "loss",
                                "error " + scientific(error),
                                "at most " + scientific(LOSS_BOUND),
                                error <= LOSS_BOUND,
                                "loss"));
                    case "logits" ->
                        findings.add(new Finding(
                                "logits",
                                "error " + scientific(error),
                                "at least " + scientific(LEAST_DIFFERENCE),
                                error >= LEAST_DIFFERENCE && Double.isFinite(error),
                                "logits"));
                    case "grad" ->
                        findings.add(new Finding(
                                "grad",
                                String.format(Locale.ROOT, "cosine %.4f", group.cosine()),
                                String.format(Locale.ROOT, "at least %.2f", LEAST_COSINE),
                                group.cosine() >= LEAST_COSINE,
                                group.worstTensor()));
                    default -> {
                        // What follows from the gradients says no more than they do.
                    }
                }
            }
            findings.addAll(missing(comparison));
            return findings;
        }
    }

    /**
     * The same mixed precision on other devices: what comes before the gradients, of which a GradScaler's first steps say nothing yet.
     *
     * @param repetitions how often the expected logits stand in the actual ones
     */
    record SameForward(int repetitions) implements Rule {
        /** Float16 rounds at 5e-4, and 5.2e-2 was seen on an H100 between chunks of other sizes; the second loss follows from the first gradient, skipped or not on all devices alike. */
        private static final double BOUND = 1e-1;

        @Override
        public List<Finding> judge(FloatTensors expected, FloatTensors actual) {
            TensorComparison comparison = TensorComparison.of(new RepeatedLogits(expected, repetitions), actual);
            List<Finding> findings = new ArrayList<>();
            for (Group group : comparison.groups()) {
                if (group.name().equals("loss") || group.name().equals("logits")) {
                    findings.add(new Finding(
                            group.name(),
                            "error " + scientific(group.worstError()),
                            "at most " + scientific(BOUND),
                            group.worstError() <= BOUND,
                            group.worstTensor()));
                }
            }
            findings.addAll(missing(comparison));
            return findings;
        }
    }

    /** The same computation on the same devices: every bit. */
    record Identical() implements Rule {
        @Override
        public List<Finding> judge(FloatTensors expected, FloatTensors actual) {
            TensorComparison comparison = TensorComparison.of(expected, actual);
            List<Finding> findings = new ArrayList<>();
            for (Group group : comparison.groups()) {
                boolean same = group.worstError() == 0;
                findings.add(new Finding(
                        group.name(),
                        same ? "identical" : "error " + scientific(group.worstError()),
                        "identical",
                        same,
                        group.worstTensor()));
            }
            findings.addAll(missing(comparison));
            return findings;
        }
    }

    private static List<Finding> missing(TensorComparison comparison) {
        return comparison.missing().stream()
                .map(name -> new Finding(name, "missing", "there", false, name))
                .toList();
    }

    private static String scientific(double value) {
        return value == 0 ? "0" : String.format(Locale.ROOT, "%.1e", value);
    }
}

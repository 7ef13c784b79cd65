package dev.lockstep.coordinator.selftest;

import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.Result.GpuTime;
import dev.lockstep.common.report.Result.MemoryMiB;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.common.work.AmpSummary;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** What the rows of a report must say on a GPU. */
public final class ResultChecks {
    /** The batch whose peak memory is known. */
    public static final int KNOWN_BATCH = 32;

    /** The batch at which mixed precision should pay. */
    public static final int LARGE_BATCH = 128;

    private static final String PEAK = "peak-allocated";

    /** PyTorch's peak, in MiB, of EfficientNet-B3 with 35 classes at 224 pixels and {@link #KNOWN_BATCH}: the source document's. */
    private static final Map<Precision, Double> KNOWN_PEAKS = Map.of(Precision.FP32, 5467.0, Precision.AMP, 2810.0);

    private static final double PEAK_TOLERANCE = 0.05;
    private static final double AMP_GOAL = 1.5;
    /** From 65536 a scaler finds a scale that fits within a few halvings; more of them is no search but a defect. */
    private static final int MOST_SKIPPED = 6;

    private ResultChecks() {}

    /**
     * Checks one measurement of EfficientNet-B3 on one GPU at 224 pixels.
     *
     * @param hasTf32 whether the GPU has TF32
     */
    public static List<Check> ofSteps(Result result, boolean hasTf32) {
        List<Check> checks = new ArrayList<>(List.of(status(result)));
        if (result.status() == ResultStatus.OK) {
            checks.add(steps(result));
            checks.addAll(arithmetic(result, hasTf32));
            checks.add(memory(result));
        }
        return checks;
    }

    /** Checks TF32, autocast and the GradScaler of one measurement; its status too, with what it says if it failed. */
    public static List<Check> ofArithmetic(Result result, boolean hasTf32) {
        List<Check> checks = new ArrayList<>(List.of(status(result)));
        if (result.status() == ResultStatus.OK) {
            checks.addAll(arithmetic(result, hasTf32));
        }
        return checks;
    }

    /**
     * Checks how replicas exchanged tensors.
     *
     * @param collective as in the report
     */
    public static List<Check> ofCollective(Result result, String collective) {
        List<Check> checks = new ArrayList<>(List.of(status(result)));
        if (result.status() == ResultStatus.OK) {
            checks.add(Check.of(
                    name(result) + ": collective",
                    result.collective(),
                    collective,
                    collective.equals(result.collective())));
        }
        return checks;
    }

    /** Whether mixed precision pays at {@link #LARGE_BATCH}; empty unless both precisions were measured. */
    public static Optional<Check> ampGoal(List<Result> results) {
        Optional<Double> full = imagesPerSecond(results, Precision.FP32);
        Optional<Double> mixed = imagesPerSecond(results, Precision.AMP);
        if (full.isEmpty() || mixed.isEmpty()) {
            return Optional.empty();
        }
        double gain = mixed.get() / full.get();
        return Optional.of(Check.goal(
                "amp over fp32, batch " + LARGE_BATCH,
                text("%.2f times", gain),
                text("at least %.1f times", AMP_GOAL),
                gain >= AMP_GOAL));
    }

    private static Optional<Double> imagesPerSecond(List<Result> results, Precision precision) {
        return results.stream()
                .filter(result -> result.status() == ResultStatus.OK)
                .filter(result -> result.precision() == precision && result.batchPerDevice() == LARGE_BATCH)
                .map(Result::imagesPerSecond)
                .findFirst();
    }

    private static Check status(Result result) {
        boolean ok = result.status() == ResultStatus.OK;
        boolean finite = ok && result.finalLoss() != null && Double.isFinite(result.finalLoss());
        String found;
        if (ok) {
            found = result.finalLoss() == null ? "no loss" : text("loss %.3f", result.finalLoss());
        } else {
            found = result.status().label() + ": " + result.error().message();
        }
        return Check.of(name(result), found, "it trains", finite);
    }

    private static Check steps(Result result) {
        GpuTime gpu = result.gpuTime();
        String step = text("%.1f ms, %.0f images/s", result.stepMillis().median(), result.imagesPerSecond());
        String bound = gpu == null
                ? "GPU not timed"
                : text(
                        "%s-bound (launch %.1f ms, GPU %.1f ms)",
                        gpu.bound().label(), gpu.hostLaunchMillis(), gpu.gpuMillis());
        return Check.of(name(result) + ": step", step + ", " + bound, "host and GPU timed", gpu != null);
    }

    private static List<Check> arithmetic(Result result, boolean hasTf32) {
        List<Check> checks = new ArrayList<>();
        switch (result.precision()) {
            case FP32 -> checks.add(tf32(result, hasTf32));
            case FP32_STRICT -> checks.add(tf32(result, false));
            case AMP, AMP_FP16 -> {
                checks.add(autocast(result, "float16"));
                checks.add(scaler(result));
            }
            case AMP_BF16 -> checks.add(autocast(result, "bfloat16"));
        }
        return checks;
    }

    private static Check tf32(Result result, boolean expected) {
        return Check.of(name(result) + ": TF32", onOrOff(result.tf32()), onOrOff(expected), result.tf32() == expected);
    }

    private static String onOrOff(boolean on) {
        return on ? "on" : "off";
    }

    private static Check autocast(Result result, String dtype) {
        String found = result.amp() == null ? "none" : result.amp().dtype();
        return Check.of(name(result) + ": autocast", found, dtype, dtype.equals(found));
    }

    private static Check scaler(Result result) {
        AmpSummary amp = result.amp();
        boolean scaled = amp != null && amp.finalScale() != null;
        return Check.of(
                name(result) + ": GradScaler",
                scaled ? text("scale %.0f, %d skipped", amp.finalScale(), amp.skippedSteps()) : "none",
                "a scale of at least 1, at most " + MOST_SKIPPED + " skipped",
                scaled
                        && Double.isFinite(amp.finalScale())
                        && amp.finalScale() >= 1
                        && amp.skippedSteps() <= MOST_SKIPPED);
    }

    private static Check memory(Result result) {
        MemoryMiB memory = result.memoryMiB();
        Double known = result.batchPerDevice() == KNOWN_BATCH ? KNOWN_PEAKS.get(result.precision()) : null;
        boolean isPeak = memory.kind().equals(PEAK);
        boolean near = known == null || Math.abs(memory.max() / known - 1) <= PEAK_TOLERANCE;
        return Check.of(
                name(result) + ": memory",
                text("%.0f MiB %s", memory.max(), memory.kind())
                        + (known == null ? "" : text(", %+.1f %%", (memory.max() / known - 1) * 100)),
                known == null ? PEAK : text("%.0f MiB %s, within %.0f %%", known, PEAK, PEAK_TOLERANCE * 100),
                isPeak && near && memory.max() > 0);
    }

    private static String name(Result result) {
        String replicas = result.deviceCount() == 1
                ? ""
                : ", " + result.deviceCount() + " replicas, "
                        + result.strategy().label();
        return result.precision().label() + ", batch " + result.batchPerDevice() + replicas;
    }

    private static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}

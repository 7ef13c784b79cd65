package dev.lockstep.common.report;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.work.AmpSummary;
import java.util.List;

/**
 * One measurement: one row of the report. All figures are null unless {@code status} is ok.
 *
 * @param collective how replicas exchanged tensors: {@code none}, {@code shared-memory}
 * @param amp null in full precision
 * @param tf32 whether convolutions may have used TF32
 * @param imagesPerStep samples that were really scattered in a step
 * @param chunks samples of each replica's chunk; devices beyond the list were idle
 * @param warmupSteps of each round
 * @param steps measured steps of all rounds
 * @param error null when ok
 * @param samplesMillis every measured step in order
 * @param imagesPerSecond imagesPerStep over the mean step
 * @param speedup imagesPerSecond over the one-device result of the same precision and batch: the geometric mean of the rounds'; null
 *     without one
 * @param efficiency speedup over deviceCount
 * @param phaseMillis means on replica 0; with {@code other} they add up to the mean step
 * @param waitMillis each rank's mean time at barriers in a step
 * @param dataWaitMillis mean time a step waited for its batch; null for synthetic data
 * @param parameterChecksum of replica 0's parameters at the end
 * @param provenance how the row came about; null in a report that lacks it
 */
public record Result(
        String id,
        Strategy strategy,
        Precision precision,
        AmpSummary amp,
        boolean tf32,
        int deviceCount,
        List<String> devices,
        String collective,
        int batchPerDevice,
        int globalBatch,
        int imagesPerStep,
        List<Integer> chunks,
        int warmupSteps,
        int steps,
        ResultStatus status,
        Failure error,
        StepMillis stepMillis,
        List<Double> samplesMillis,
        Double imagesPerSecond,
        Double speedup,
        Double efficiency,
        MemoryMiB memoryMiB,
        PhaseMillis phaseMillis,
        PerDevice waitMillis,
        Double dataWaitMillis,
        Double finalLoss,
        String parameterChecksum,
        Provenance provenance) {

    public Result {
        devices = List.copyOf(devices);
        chunks = List.copyOf(chunks);
        samplesMillis = samplesMillis == null ? null : List.copyOf(samplesMillis);
    }

    /** The same row with what is known of how it came about. */
    public Result withProvenance(Provenance known) {
        return with(speedup, efficiency, known);
    }

    /** The same row with its speed-up, and the efficiency that follows from it. */
    public Result withSpeedup(double over, Provenance known) {
        return with(over, over / deviceCount, known);
    }

    private Result with(Double speedup, Double efficiency, Provenance provenance) {
        return new Result(
                id,
                strategy,
                precision,
                amp,
                tf32,
                deviceCount,
                devices,
                collective,
                batchPerDevice,
                globalBatch,
                imagesPerStep,
                chunks,
                warmupSteps,
                steps,
                status,
                error,
                stepMillis,
                samplesMillis,
                imagesPerSecond,
                speedup,
                efficiency,
                memoryMiB,
                phaseMillis,
                waitMillis,
                dataWaitMillis,
                finalLoss,
                parameterChecksum,
                provenance);
    }

    /** Distribution of the measured steps; percentiles interpolate linearly, stddev is the sample's. */
    public record StepMillis(
            double mean, double median, double p5, double p95, double p99, Double stddev, double min, double max) {}

    /**
     * Memory of each device.
     *
     * @param kind what was measured: {@code peak-resident}, {@code peak-allocated}
     */
    public record MemoryMiB(List<Double> perDevice, double max, String kind) {}

    /** The eight phases of a step and what is left of it. */
    public record PhaseMillis(
            double scatter,
            double replicate,
            double forward,
            double gather,
            double loss,
            double backward,
            double reduce,
            double optimizer,
            double other) {}

    /** A figure of each rank. */
    public record PerDevice(List<Double> perDevice) {}
}

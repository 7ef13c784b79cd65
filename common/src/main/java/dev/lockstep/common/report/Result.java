package dev.lockstep.common.report;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.work.AmpSummary;
import java.util.List;

/**
 * One measurement: one row of the report. All figures are null unless {@code status} is ok.
 *
 * @param collective how replicas exchanged tensors: {@code none}, {@code shared-memory}, {@code nccl}, {@code staged}; null
 *     where it was not decided
 * @param amp null in full precision
 * @param tf32 whether convolutions may have used TF32
 * @param imagesPerStep samples that were really scattered in a step
 * @param chunks samples of each replica's chunk; devices beyond the list were idle
 * @param warmupSteps steps before the first measured one, of all rounds; of a measurement that is not ok the least that a round would have had
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
 * @param quality how far the figures can be trusted
 * @param gpus how the GPUs fared; null on CPU devices
 * @param gpuTime null on CPUs
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
        Provenance provenance,
        Quality quality,
        GpuConditions gpus,
        GpuTime gpuTime) {

    public Result {
        devices = List.copyOf(devices);
        chunks = List.copyOf(chunks);
        samplesMillis = samplesMillis == null ? null : List.copyOf(samplesMillis);
    }

    /** The same row with what is known of how it came about. */
    public Result withProvenance(Provenance known) {
        return with(speedup, efficiency, known, quality, gpus);
    }

    /** The same row with its speed-up, and the efficiency that follows from it. */
    public Result withSpeedup(double over, Provenance known) {
        return with(over, over / deviceCount, known, quality, gpus);
    }

    /** The same row with what was seen of its GPUs. */
    public Result withGpus(GpuConditions seen) {
        return with(speedup, efficiency, provenance, quality, seen);
    }

    /** The same row, which has a quality, with how its replicas took turns at the cores; null where they did not. */
    public Result withCoreTurns(Double millis) {
        return with(speedup, efficiency, provenance, quality.withCoreTurns(millis), gpus);
    }

    private Result with(Double speedup, Double efficiency, Provenance provenance, Quality quality, GpuConditions gpus) {
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
                provenance,
                quality,
                gpus,
                gpuTime);
    }

    /** Distribution of the measured steps; percentiles interpolate linearly, stddev is the sample's. */
    public record StepMillis(
            double mean, double median, double p5, double p95, double p99, Double stddev, double min, double max) {}

    /**
     * Memory of each device.
     *
     * @param kind what was measured: {@code peak-resident}, {@code peak-allocated}, {@code device-used}
     * @param deviceUsed what all processes held of each GPU's memory at the end, by the driver; null on CPUs
     */
    public record MemoryMiB(List<Double> perDevice, double max, String kind, List<Double> deviceUsed) {}

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

    /**
     * A step as the host and as the GPU saw it: means on replica 0.
     *
     * @param hostLaunchMillis what the host needed to launch a step's work, without waits
     * @param gpuMillis what the GPU needed for it, from its first work to its last, gaps included
     * @param bound which of the two the step takes as long as
     */
    public record GpuTime(double hostLaunchMillis, double gpuMillis, Bound bound) {}

    /** What a step on a GPU waits for. */
    public enum Bound {
        /** The host, whose launches the GPU keeps up with: faster arithmetic would change nothing. */
        LAUNCH("launch"),
        /** The GPU, which the host is ahead of. */
        GPU("gpu");

        private final String label;

        Bound(String label) {
            this.label = label;
        }

        /** The name in reports. */
        @JsonValue
        public String label() {
            return label;
        }
    }

    /** A figure of each rank. */
    public record PerDevice(List<Double> perDevice) {}
}

package dev.lockstep.common.plan;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonFormat.Feature;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A run's effective configuration: every option decided, nothing left to a default. Exactly one of {@code batchPerDevice},
 * {@code globalBatch} and {@code largestBatch} is set. In JSON a single batch is a number, several are a list.
 *
 * @param devices device counts to measure, in order
 * @param batchPerDevice samples a device and step (weak scaling), one after the other; null when another one is set
 * @param globalBatch samples a step over all devices (strong scaling), likewise
 * @param steps measured steps of each measurement
 * @param warmup least number of steps before the first measured one
 * @param seed decides weights, data, dropout and stochastic depth
 * @param largestBatch whether the batch per device is the largest that fits, to be found out
 * @param rounds how often every configuration is measured; 1 in a report from before there were rounds, which lacks it
 * @param onOutOfMemory what becomes of what does not fit; {@code fail} where a report lacks it
 * @param warmupLimit most steps before the first measured one, at least {@code warmup}; null is taken as {@code warmup}, a warm-up of
 *     exactly that many steps
 * @param cudaGraphs whether GPUs replay a recorded step; false where a report lacks it
 */
public record Plan(
        List<Integer> devices,
        List<Strategy> strategies,
        List<Precision> precisions,
        @JsonFormat(with = {Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY, Feature.WRITE_SINGLE_ELEM_ARRAYS_UNWRAPPED})
                List<Integer> batchPerDevice,
        @JsonFormat(with = {Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY, Feature.WRITE_SINGLE_ELEM_ARRAYS_UNWRAPPED})
                List<Integer> globalBatch,
        ModelSpec model,
        int steps,
        int warmup,
        OptimizerSpec optimizer,
        MemoryFormat memoryFormat,
        DataSpec data,
        long seed,
        boolean largestBatch,
        int rounds,
        OnOutOfMemory onOutOfMemory,
        Integer warmupLimit,
        boolean cudaGraphs) {

    public Plan {
        devices = List.copyOf(devices);
        strategies = List.copyOf(strategies);
        precisions = List.copyOf(precisions);
        batchPerDevice = batchPerDevice == null ? null : List.copyOf(batchPerDevice);
        globalBatch = globalBatch == null ? null : List.copyOf(globalBatch);
        rounds = Math.max(1, rounds);
        onOutOfMemory = onOutOfMemory == null ? OnOutOfMemory.FAIL : onOutOfMemory;
        long set = Stream.of(batchPerDevice != null, globalBatch != null, largestBatch)
                .filter(isSet -> isSet)
                .count();
        if (set != 1) {
            throw new IllegalArgumentException(
                    "exactly one of batchPerDevice, globalBatch and largestBatch must be set");
        }
        warmupLimit = warmupLimit == null ? Integer.valueOf(warmup) : warmupLimit;
        if (warmupLimit < warmup) {
            throw new IllegalArgumentException("a warm-up of at least " + warmup + " and at most " + warmupLimit);
        }
    }

    /** A plan of one batch size, one round and a warm-up of exactly {@code warmup} steps; null for the batch that is not set. */
    public Plan(
            List<Integer> devices,
            List<Strategy> strategies,
            List<Precision> precisions,
            Integer batchPerDevice,
            Integer globalBatch,
            ModelSpec model,
            int steps,
            int warmup,
            OptimizerSpec optimizer,
            MemoryFormat memoryFormat,
            DataSpec data,
            long seed) {
        this(
                devices,
                strategies,
                precisions,
                batchPerDevice == null ? null : List.of(batchPerDevice),
                globalBatch == null ? null : List.of(globalBatch),
                model,
                steps,
                warmup,
                optimizer,
                memoryFormat,
                data,
                seed,
                false,
                1,
                OnOutOfMemory.FAIL,
                null,
                false);
    }

    /** What stays the same when devices are added. */
    public Scaling scaling() {
        return globalBatch == null ? Scaling.WEAK : Scaling.STRONG;
    }

    /** Strategies that differ on so many devices: on one they are all the same computation, and the first stands for them. */
    public List<Strategy> strategiesOn(int deviceCount) {
        return deviceCount == 1 ? strategies.subList(0, 1) : strategies;
    }

    /**
     * The configurations in the order they run: device counts outermost, then batches, strategies and precisions.
     *
     * @throws IllegalStateException if the batch is the largest that fits, which is not known before the run
     */
    public List<MeasurementSpec> measurements() {
        if (largestBatch) {
            throw new IllegalStateException("the largest batch that fits is not known yet");
        }
        List<MeasurementSpec> measurements = new ArrayList<>();
        for (int deviceCount : devices) {
            for (int batch : globalBatch == null ? batchPerDevice : globalBatch) {
                for (Strategy strategy : strategiesOn(deviceCount)) {
                    for (Precision precision : precisions) {
                        measurements.add(measurement(deviceCount, batch, strategy, precision));
                    }
                }
            }
        }
        return List.copyOf(measurements);
    }

    /**
     * The configurations of a plan of the largest batch, in the same order.
     *
     * @param batchPerDevice what was found for each precision
     */
    public List<MeasurementSpec> measurements(Map<Precision, Integer> batchPerDevice) {
        List<MeasurementSpec> measurements = new ArrayList<>();
        for (int deviceCount : devices) {
            for (Strategy strategy : strategiesOn(deviceCount)) {
                for (Precision precision : precisions) {
                    measurements.add(measurement(deviceCount, batchPerDevice.get(precision), strategy, precision));
                }
            }
        }
        return List.copyOf(measurements);
    }

    private MeasurementSpec measurement(int deviceCount, int batch, Strategy strategy, Precision precision) {
        int global = globalBatch != null ? batch : Math.multiplyExact(batch, deviceCount);
        MeasurementSpec spec =
                MeasurementSpec.of(strategy, precision, deviceCount, global, warmup, steps, scaling(), warmupLimit);
        // Of several global batches two can have chunks of the same size.
        return globalBatch != null && globalBatch.size() > 1 ? spec.named(spec.id() + "-of-" + global) : spec;
    }
}

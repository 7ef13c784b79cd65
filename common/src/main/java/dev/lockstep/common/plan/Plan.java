package dev.lockstep.common.plan;

import java.util.ArrayList;
import java.util.List;

/**
 * A run's effective configuration: every option decided, nothing left to a default.
 *
 * @param devices device counts to measure, in order
 * @param batchPerDevice samples a device and step (weak scaling); null when {@code globalBatch} is set
 * @param globalBatch samples a step over all devices (strong scaling); null when {@code batchPerDevice} is set
 * @param steps measured steps of each measurement
 * @param warmup least number of steps before the first measured one
 * @param seed decides weights, data, dropout and stochastic depth
 * @param warmupLimit most steps before the first measured one, at least {@code warmup}; null is taken as {@code warmup}, a warm-up of
 *     exactly that many steps
 */
public record Plan(
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
        long seed,
        Integer warmupLimit) {

    public Plan {
        devices = List.copyOf(devices);
        strategies = List.copyOf(strategies);
        precisions = List.copyOf(precisions);
        if ((batchPerDevice == null) == (globalBatch == null)) {
            throw new IllegalArgumentException("exactly one of batchPerDevice and globalBatch must be set");
        }
        warmupLimit = warmupLimit == null ? Integer.valueOf(warmup) : warmupLimit;
        if (warmupLimit < warmup) {
            throw new IllegalArgumentException("a warm-up of at least " + warmup + " and at most " + warmupLimit);
        }
    }

    /** A plan whose warm-up has exactly {@code warmup} steps. */
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
                batchPerDevice,
                globalBatch,
                model,
                steps,
                warmup,
                optimizer,
                memoryFormat,
                data,
                seed,
                null);
    }

    /**
     * The measurements in the order they run: device counts outermost, then strategies, then precisions. On one device all strategies
     * are the same computation, so it is measured once, as the first of them.
     */
    public List<MeasurementSpec> measurements() {
        List<MeasurementSpec> measurements = new ArrayList<>();
        for (int deviceCount : devices) {
            for (Strategy strategy : deviceCount == 1 ? strategies.subList(0, 1) : strategies) {
                for (Precision precision : precisions) {
                    measurements.add(measurement(deviceCount, strategy, precision));
                }
            }
        }
        return List.copyOf(measurements);
    }

    private MeasurementSpec measurement(int deviceCount, Strategy strategy, Precision precision) {
        int global = globalBatch != null ? globalBatch : Math.multiplyExact(batchPerDevice, deviceCount);
        List<Integer> chunks = Chunks.of(global, deviceCount);
        String id = "%s-%s-%dx%d".formatted(strategy.label(), precision.label(), deviceCount, chunks.get(0));
        return new MeasurementSpec(id, strategy, precision, deviceCount, global, chunks, warmup, steps, warmupLimit);
    }
}

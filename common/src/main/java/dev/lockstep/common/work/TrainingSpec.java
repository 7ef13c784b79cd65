package dev.lockstep.common.work;

import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Precision;

/**
 * What a replica trains and how, whatever its rank.
 *
 * @param seed decides the initial weights; rank r draws dropout and stochastic depth from seed + r
 * @param cudaGraphs whether a GPU replays a recorded step
 */
public record TrainingSpec(
        ModelSpec model,
        Precision precision,
        OptimizerSpec optimizer,
        MemoryFormat memoryFormat,
        long seed,
        boolean cudaGraphs) {

    /** Without recorded steps. */
    public TrainingSpec(
            ModelSpec model, Precision precision, OptimizerSpec optimizer, MemoryFormat memoryFormat, long seed) {
        this(model, precision, optimizer, memoryFormat, seed, false);
    }

    /** What a plan trains in one of its precisions. */
    public static TrainingSpec of(Plan plan, Precision precision) {
        return new TrainingSpec(
                plan.model(), precision, plan.optimizer(), plan.memoryFormat(), plan.seed(), plan.cudaGraphs());
    }
}

package dev.lockstep.common.work;

import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Precision;

/**
 * What a replica trains and how, whatever its rank.
 *
 * @param seed decides the initial weights; rank r draws dropout and stochastic depth from seed + r
 */
public record TrainingSpec(
        ModelSpec model, Precision precision, OptimizerSpec optimizer, MemoryFormat memoryFormat, long seed) {}

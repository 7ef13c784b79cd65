package dev.lockstep.common.work;

/** Where a step's summed gradients end up. */
public enum Reduction {
    /** In replica 0 alone, summed in rank order: data-parallel. */
    SUM_TO_FIRST,
    /** In every replica: all-reduce. */
    SUM_TO_ALL
}

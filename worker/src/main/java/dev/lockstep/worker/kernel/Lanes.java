package dev.lockstep.worker.kernel;

/** Which lanes of a vector a load or store touches; a load clears the others. */
enum Lanes {
    ALL,
    /** Those of mask register k1. */
    MASKED
}

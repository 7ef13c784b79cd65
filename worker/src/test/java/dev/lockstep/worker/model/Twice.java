package dev.lockstep.worker.model;

import ai.djl.pytorch.engine.PtNDArray;

/** Something in autograd's graph before a layer under test. */
final class Twice {
    private Twice() {}

    /** Not {@code array.mul(2)}: DJL makes that 2 over a Java buffer, and backward reads it when the collector may have freed it. */
    static PtNDArray of(PtNDArray array) {
        return array.add(array);
    }
}

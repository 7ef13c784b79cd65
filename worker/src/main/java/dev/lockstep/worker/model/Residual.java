package dev.lockstep.worker.model;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;

/** What the output of a residual branch is added to. The branch begins with it, too. */
final class Residual {
    private final PtNDArray values;
    private final boolean cut;
    private PtNDArray gradient;

    private Residual(PtNDArray values, boolean cut) {
        this.values = values;
        this.cut = cut;
    }

    /**
     * Backward comes back to it twice, at once and from a cut within the branch: only then may it go on from here. So the graph is cut here,
     * too, where it is cut at all.
     */
    static Residual of(PtNDArray input, GraphCuts cuts) {
        if (!GraphCuts.pay(input)) {
            return new Residual(input, false);
        }
        Residual residual = new Residual(JniUtils.detachGradient(input), true);
        cuts.cut(input, residual.values, residual::withKept);
        return residual;
    }

    PtNDArray values() {
        return values;
    }

    /** Whether a gradient can be {@link #keep kept}. */
    boolean isCut() {
        return cut;
    }

    /** Keeps a gradient by this, to add it to the branch's. It is closed then. */
    void keep(PtNDArray found) {
        gradient = found;
    }

    private PtNDArray withKept(PtNDArray branchGradient) {
        if (gradient == null) {
            return branchGradient;
        }
        try (branchGradient) {
            JniUtils.addi(gradient, branchGradient);
            return gradient;
        }
    }
}

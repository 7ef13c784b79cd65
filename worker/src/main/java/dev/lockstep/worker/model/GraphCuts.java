package dev.lockstep.worker.model;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.libtorch.ConvolutionGradients;
import dev.lockstep.worker.libtorch.LibTorch;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Where autograd's graph of a model is cut, so that layers can find gradients themselves: after a cut the model goes on from a leaf, and
 * the layer that made it turns the leaf's gradient into that of what came before. Backward goes from cut to cut, from the last to the
 * first. To Java this is what a function of autograd's own is to C++.
 *
 * <p>A cut lives as long as the manager of its arrays, or until backward has come by.
 */
final class GraphCuts {
    private final List<Cut> cuts = new ArrayList<>();

    private record Cut(PtNDArray before, PtNDArray leaf, UnaryOperator<PtNDArray> gradient) {}

    /** Whether to cut here: on a CPU, of a platform where the gradients can be had, and if there is a graph that backward comes by. */
    static boolean pay(PtNDArray before) {
        return !before.getDevice().isGpu() && ConvolutionGradients.areAvailable() && LibTorch.hasGradient(before);
    }

    /**
     * Cuts the graph.
     *
     * @param before what it ends with; nothing else may read it
     * @param leaf what the model goes on from; without history. Stays open: it is closed with the cut
     * @param gradient turns the leaf's gradient, which it closes or returns, into that of {@code before}; it may add to parameters'
     *     gradients
     */
    void cut(PtNDArray before, PtNDArray leaf, UnaryOperator<PtNDArray> gradient) {
        leaf.setRequiresGradient(true);
        cuts.add(new Cut(view(before), leaf, gradient));
    }

    /** Another handle of an array, with its history. */
    static PtNDArray view(PtNDArray array) {
        return JniUtils.reshape(array, array.getShape().getShape());
    }

    /** Carries on, after a backward, from every cut that it came to. */
    void continueBackward() {
        for (int i = cuts.size() - 1; i >= 0; i--) {
            Cut cut = cuts.get(i);
            // Released where no backward came in its step; without gradient where backward is still to come.
            PtNDArray gradient = cut.leaf.isReleased() ? null : JniUtils.getGradient(cut.leaf);
            if (gradient != null) {
                continueBackward(cut, gradient);
            }
        }
        cuts.removeIf(cut -> cut.leaf.isReleased());
    }

    /**
     * Lets go of what is not needed any more before it goes on, as autograd does: the next arrays take that memory while it is in the
     * cache.
     */
    private static void continueBackward(Cut cut, PtNDArray leafGradient) {
        cut.leaf.close();
        try (PtNDArray before = cut.before;
                PtNDArray gradient = cut.gradient.apply(leafGradient)) {
            LibTorch.dropValues(before);
            JniUtils.backward(before, gradient, false, false);
        }
    }
}

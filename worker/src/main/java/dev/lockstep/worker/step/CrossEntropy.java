package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;

/** {@code torch.nn.functional.cross_entropy}, the mean over the batch. */
final class CrossEntropy {
    private CrossEntropy() {}

    /**
     * A batch's loss, and where the way back through the model begins.
     *
     * @param mean float32 scalar over the batch
     * @param byLogits the scaled loss's gradient by the logits [N, classes]
     */
    record Loss(NDArray mean, NDArray byLogits) {}

    /**
     * The loss of a batch and its gradient.
     *
     * @param scope of what is made
     * @param logits [N, classes]; their history is left alone
     * @param labels int64 [N, 1]
     * @param scale float32 scalar that the loss is multiplied with before its gradient is taken
     */
    static Loss of(NDManager scope, NDArray logits, NDArray labels, NDArray scale) {
        NDArray leaf = logits.stopGradient();
        leaf.attach(scope);
        leaf.setRequiresGradient(true);
        NDArray mean = mean(leaf, labels);
        JniUtils.backward((PtNDArray) mean, (PtNDArray) scale, false, false);
        return new Loss(mean, leaf.getGradient());
    }

    /**
     * The loss of a batch.
     *
     * @param logits [N, classes]
     * @param labels int64 [N, 1]
     * @return float32 scalar, attached to the logits' manager
     */
    static NDArray mean(NDArray logits, NDArray labels) {
        // The type is named so that logits of any type lead to a loss in float32.
        PtNDArray logProbabilities = JniUtils.logSoftmax((PtNDArray) logits, 1, DataType.FLOAT32);
        PtNDArray chosen = JniUtils.gather(logProbabilities, (PtNDArray) labels, 1);
        return JniUtils.neg(JniUtils.mean(chosen));
    }
}

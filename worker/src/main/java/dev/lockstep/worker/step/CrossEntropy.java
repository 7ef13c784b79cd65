package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;

/** {@code torch.nn.functional.cross_entropy}, the mean over the batch. */
final class CrossEntropy {
    private CrossEntropy() {}

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

    /**
     * Leaves the loss's gradient by the logits with the logits, which are no model's but gathered from several.
     *
     * @param loss scalar
     * @param gradient scalar: where backward starts
     */
    static void backward(NDArray loss, NDArray gradient) {
        JniUtils.backward((PtNDArray) loss, (PtNDArray) gradient, false, false);
    }
}

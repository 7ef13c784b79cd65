package dev.lockstep.worker.model;

import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.kernel.NormSilu;

/**
 * A squeeze-and-excitation's way from the means of an activation y to the scale s = sigmoid(e), and back, where kernels do the rest: a graph of its
 * own.
 */
final class Excitation implements AutoCloseable {
    private final NormSilu normSilu;
    private final PtNDArray means;
    private final PtNDArray excited;
    private final PtNDArray scale;

    /**
     * @param normSilu that y's means are known of
     * @param images like y
     */
    Excitation(SqueezeExcitation squeeze, NormSilu normSilu, PtNDArray images) {
        this.normSilu = normSilu;
        means = emptyMeans(images);
        normSilu.outputMeans(means);
        means.setRequiresGradient(true);
        excited = squeeze.excited(means, true);
        try (PtNDArray values = JniUtils.detachGradient(excited)) {
            scale = JniUtils.sigmoid(values);
        }
    }

    /** [N, C, 1, 1] */
    PtNDArray scale() {
        return scale;
    }

    /**
     * Goes back when the norm's kernels have summed up the gradient times y; adds the gradients by the squeeze's and the norm's parameters.
     *
     * @param gradient that by y s; becomes that by the norm's input
     */
    void backward(BatchNormalization norm, PtNDArray gradient) {
        Shape shape = gradient.getShape();
        try (PtNDArray sums = emptyMeans(gradient)) {
            normSilu.sumsOfProducts(sums);
            exciteBackward(sums);
            try (PtNDArray ofMeans = JniUtils.getGradient(means)) {
                norm.backwardScaled(normSilu, gradient, scale, ofMeans.divi(shape.get(2) * shape.get(3)));
            }
        }
    }

    /** With y scaled by s = sigmoid(e), the gradient by e is sum(g y) s (1 - s). */
    private void exciteBackward(PtNDArray sums) {
        JniUtils.muli(sums, scale);
        // Not by 1 - s, which bfloat16 would round.
        try (PtNDArray subtrahend = JniUtils.mul(sums, scale)) {
            JniUtils.subi(sums, subtrahend);
        }
        JniUtils.backward(excited, sums, false, false);
    }

    private static PtNDArray emptyMeans(PtNDArray images) {
        Shape shape = images.getShape();
        return images.getManager().create(new Shape(shape.get(0), shape.get(1), 1, 1), DataType.FLOAT32);
    }

    @Override
    public void close() {
        means.close();
        excited.close();
        scale.close();
    }
}

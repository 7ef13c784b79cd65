package dev.lockstep.worker.model;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.libtorch.ConvolutionGradients;

/**
 * The gradient of a depthwise 5 x 5 convolution, padded by 2, by its weight, by means of kernels that are three wide.
 *
 * <p>Read as images of half the width and twice the channels, two neighbouring columns side by side - in NHWC memory that is the same
 * array - a kernel of three columns reaches the columns at -2, 0 and +2 of the image as it was. Those at -1 and +1 are reached by
 * three columns of the image as it is; or, with a stride of two, by the second half of the channels, which sees an output's
 * neighbours to its right. An image of odd width gets a column of zeros.
 */
final class FiveWideGradient {
    static final int KERNEL = 5;

    private static final int PADDING = 2;
    private static final Shape THREE_WIDE = new Shape(KERNEL, 3);
    private static final Shape PADDED = new Shape(PADDING, 1);
    private static final int WIDTH = 3;

    private final int stride;

    /** @param stride 1 or 2 */
    FiveWideGradient(int stride) {
        if (stride != 1 && stride != 2) {
            throw new IllegalArgumentException("no gradient for a stride of " + stride);
        }
        this.stride = stride;
    }

    /**
     * Adds to a gradient. None of the three has history.
     *
     * @param gradient [C, 1, 5, 5]
     * @param outputGradient [N, C, OH, OW]
     * @param input [N, C, H, W], of the same type
     */
    void addTo(PtNDArray gradient, PtNDArray outputGradient, PtNDArray input) {
        try (NDManager manager = input.getManager().newSubManager()) {
            PtNDArray images = own(manager, JniUtils.detachGradient(input));
            PtNDArray gradients = own(manager, JniUtils.detachGradient(outputGradient));
            long channels = images.getShape().get(1);
            if (images.getShape().get(WIDTH) % 2 != 0) {
                images = withColumn(images);
                gradients = stride == 1 ? withColumn(gradients) : gradients;
            }
            PtNDArray pairs = pairColumns(images);
            PtNDArray outputs = stride == 1 ? pairColumns(gradients) : twice(gradients);
            PtNDArray wide =
                    ConvolutionGradients.depthwiseWeight(outputs, pairs, THREE_WIDE, new Shape(stride, 1), PADDED);
            PtNDArray left = JniUtils.slice(wide, 0, 0, channels, 1);
            PtNDArray right = JniUtils.slice(wide, 0, channels, 2 * channels, 1);
            if (stride == 1) {
                PtNDArray narrow =
                        ConvolutionGradients.depthwiseWeight(gradients, images, THREE_WIDE, new Shape(1, 1), PADDED);
                add(gradient, 0, left, 0);
                add(gradient, 0, right, 0);
                add(gradient, 1, narrow, 0);
                add(gradient, 2, narrow, 1);
                add(gradient, 3, narrow, 2);
                add(gradient, 4, left, 2);
                add(gradient, 4, right, 2);
            } else {
                add(gradient, 0, left, 0);
                add(gradient, 1, right, 0);
                add(gradient, 2, left, 1);
                add(gradient, 3, right, 1);
                add(gradient, 4, left, 2);
            }
        }
    }

    private static void add(PtNDArray gradient, int column, PtNDArray part, int partColumn) {
        try (PtNDArray sum = JniUtils.slice(gradient, WIDTH, column, column + 1L, 1);
                PtNDArray summand = JniUtils.slice(part, WIDTH, partColumn, partColumn + 1L, 1)) {
            sum.addi(summand);
        }
    }

    private static PtNDArray own(NDManager manager, PtNDArray array) {
        array.attach(manager);
        return array;
    }

    /** A column of zeros on the right. */
    private static PtNDArray withColumn(PtNDArray images) {
        return JniUtils.pad(images, new long[] {0, 1}, 0);
    }

    /** [N, C, H, W] as [N, 2 C, H, W / 2]: columns 2 w, then columns 2 w + 1. */
    private static PtNDArray pairColumns(PtNDArray images) {
        Shape shape = images.getShape();
        PtNDArray rows = JniUtils.permute(images, Layer.TO_NHWC);
        PtNDArray paired =
                JniUtils.reshape(rows, new long[] {shape.get(0), shape.get(2), shape.get(WIDTH) / 2, 2 * shape.get(1)});
        return JniUtils.permute(paired, Layer.TO_NCHW);
    }

    /** [N, C, H, W] as [N, 2 C, H, W], all channels twice. */
    private static PtNDArray twice(PtNDArray images) {
        return JniUtils.cat(new PtNDArray[] {images, images}, 1);
    }
}

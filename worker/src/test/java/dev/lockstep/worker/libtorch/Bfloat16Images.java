package dev.lockstep.worker.libtorch;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;
import dev.lockstep.worker.libtorch.AutocastMode.HalfType;

/** Images for tests of what runs in bfloat16, which DJL cannot convert to. */
public final class Bfloat16Images {
    private static final Shape ONE = new Shape(1, 1);

    private Bfloat16Images() {}

    /**
     * Images rounded to bfloat16, by a convolution that leaves them as they are; with their history.
     *
     * @param images [N, C, H, W]
     */
    public static PtNDArray of(PtNDArray images) {
        return AutocastMode.with(DeviceType.CPU, HalfType.BFLOAT16, () -> inAutocast(images));
    }

    /** The same where autocast is on already. */
    public static PtNDArray inAutocast(PtNDArray images) {
        int channels = (int) images.getShape().get(1);
        PtNDArray ones = (PtNDArray) images.getManager().ones(new Shape(channels, 1, 1, 1));
        return JniUtils.convolution(images, ones, null, ONE, new Shape(0, 0), ONE, channels);
    }
}

package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.common.plan.ModelSpec;

/** The segment's input slots as arrays on the replica's device. */
interface InputSlots {
    /** Samples of a slot. A measurement's steps use few different ones. */
    record Range(int slot, int firstSample, int samples) {}

    /** Images [samples, 3, H, W]; in memory NHWC when the measurement is channels-last. They are the manager's, to its end. */
    NDArray images(NDManager manager, Range range);

    /** Labels: int64 [samples, 1]. They are the manager's, to its end. */
    NDArray labels(NDManager manager, Range range);

    /** The shape of images in memory: [samples, H, W, 3] when channels-last, else [samples, 3, H, W]. */
    static Shape shape(int samples, int imageSize, boolean channelsLast) {
        return channelsLast
                ? new Shape(samples, imageSize, imageSize, ModelSpec.CHANNELS)
                : new Shape(samples, ModelSpec.CHANNELS, imageSize, imageSize);
    }

    /** The same images as [samples, 3, H, W]: for libtorch, NHWC memory with its axes in that order is its channels_last. */
    static NDArray logical(NDArray images, boolean channelsLast) {
        return channelsLast ? JniUtils.permute((PtNDArray) images, new long[] {0, 3, 1, 2}) : images;
    }
}

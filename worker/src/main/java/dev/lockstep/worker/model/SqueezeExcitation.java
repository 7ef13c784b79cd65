package dev.lockstep.worker.model;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.libtorch.LibTorch;

/** {@code torchvision.ops.SqueezeExcitation}: scales each channel by a number in (0, 1) drawn from all channels' means. */
final class SqueezeExcitation extends Layer {
    private final Layer pool = addChildBlock("pool", new GlobalAveragePool());
    private final Layer squeeze;
    private final Layer excite;

    SqueezeExcitation(String name, int channels, int squeezeChannels) {
        squeeze = addChildBlock("fc1", new Convolution(name + ".fc1", channels, squeezeChannels, 1, 1, 1, true));
        excite = addChildBlock("fc2", new Convolution(name + ".fc2", squeezeChannels, channels, 1, 1, 1, true));
    }

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        try (PtNDArray means = pool.apply(input, training);
                PtNDArray excited = excited(means, training);
                PtNDArray scale = JniUtils.sigmoid(excited)) {
            return JniUtils.mul(input, scale);
        }
    }

    /** What the scale is the sigmoid of, from the channels' means: both [N, C, 1, 1]. */
    PtNDArray excited(PtNDArray means, boolean training) {
        try (PtNDArray squeezed = squeeze.apply(means, training);
                PtNDArray activated = LibTorch.silu(squeezed)) {
            return excite.apply(activated, training);
        }
    }
}

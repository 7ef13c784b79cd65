package dev.lockstep.worker.model;

import ai.djl.pytorch.engine.PtNDArray;
import dev.lockstep.worker.libtorch.LibTorch;

/** {@code torchvision.ops.StochasticDepth} in row mode, for training only. A probability of 0 has no layer at all. */
final class StochasticDepth extends Layer {
    private final double probability;

    StochasticDepth(double probability) {
        this.probability = probability;
    }

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        if (!training) {
            throw new IllegalStateException("stochastic depth is for training");
        }
        return LibTorch.dropSamples(input, probability);
    }
}

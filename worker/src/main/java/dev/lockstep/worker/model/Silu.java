package dev.lockstep.worker.model;

import ai.djl.pytorch.engine.PtNDArray;
import dev.lockstep.worker.libtorch.LibTorch;

/** {@code torch.nn.SiLU}. */
final class Silu extends Layer {
    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        return LibTorch.silu(input);
    }
}

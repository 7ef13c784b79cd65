package dev.lockstep.worker.collective;

import ai.djl.ndarray.NDArray;
import dev.lockstep.worker.libtorch.LibTorch;

/**
 * A replica's own flat memory, where its device computes.
 *
 * @param parameters float32 [flatParameters]
 * @param gradients float32 [flatParameters]
 * @param buffers running statistics: float32 [flatBuffers]
 */
public record ReplicaMemory(NDArray parameters, NDArray gradients, NDArray buffers) {
    /** A run of floats on the device. */
    record Floats(long address, long count) {
        static Floats of(NDArray array) {
            return new Floats(LibTorch.address(array), array.size());
        }

        long bytes() {
            return count * Float.BYTES;
        }
    }
}

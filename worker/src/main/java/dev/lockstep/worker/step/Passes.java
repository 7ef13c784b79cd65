package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;

/** A replica's way forward and back, as a step has it run. */
interface Passes extends AutoCloseable {
    /** Logits [N, classes] of images [N, 3, H, W], float32, valid until the next step; their history is for {@link #backward} alone. */
    NDArray forward(NDArray images);

    /**
     * Leaves the gradients of the last forward pass in the replica's flat gradients.
     *
     * @param logits of that pass
     * @param gradient of the loss by the logits
     */
    void backward(NDArray logits, NDArray gradient);

    @Override
    void close();

    /** Every operator is launched when its turn comes. */
    static Passes eager(Replica replica) {
        return new Eager(replica);
    }

    /** As it comes. */
    record Eager(Replica replica) implements Passes {
        @Override
        public NDArray forward(NDArray images) {
            return replica.forward(images);
        }

        @Override
        public void backward(NDArray logits, NDArray gradient) {
            replica.zeroGradients();
            replica.backward(logits, gradient);
        }

        @Override
        public void close() {}
    }
}

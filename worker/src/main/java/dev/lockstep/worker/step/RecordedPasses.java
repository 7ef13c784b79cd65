package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.worker.libtorch.GraphRecorder;
import dev.lockstep.worker.libtorch.GraphRecorder.Graph;
import dev.lockstep.worker.libtorch.LibTorch;

/**
 * Passes of a GPU which are recorded in the second step and from then on replayed: a B3 step is some two thousand kernels, and the host
 * may need longer to launch them one by one than the GPU to run them. The first step runs as it comes, because that is when cuDNN
 * looks for its best kernels. So does a chunk of another size than the recorded one.
 *
 * <p>A recording reads and writes the same memory every time, so what goes in is copied there, and what comes out is overwritten by
 * the next step.
 */
final class RecordedPasses implements Passes {
    private final Replica replica;
    private final Passes eager;
    private final GraphRecorder recorder;
    private final NDManager manager;
    private final Runnable emptyCache;
    /** Of the last step that ran as it came; null before the first. */
    private Shape warm;
    /** Null before the second step. */
    private Recording recording;

    /**
     * @param manager of the replica; outlives this
     * @param emptyCache gives memory that no tensor is in back to the GPU, because a recording takes memory of its own
     */
    RecordedPasses(Replica replica, GraphRecorder recorder, NDManager manager, Runnable emptyCache) {
        this.replica = replica;
        this.eager = Passes.eager(replica);
        this.recorder = recorder;
        this.manager = manager;
        this.emptyCache = emptyCache;
    }

    @Override
    public NDArray forward(NDArray images) {
        Shape shape = images.getShape();
        if (recording == null && shape.equals(warm)) {
            emptyCache.run();
            recording = new Recording(images);
        }
        if (recording != null && recording.images.getShape().equals(shape)) {
            return recording.forward(images);
        }
        warm = shape;
        return eager.forward(images);
    }

    @Override
    public void backward(NDArray logits, NDArray gradient) {
        if (recording != null && logits == recording.logits) {
            recording.backward(gradient);
        } else {
            eager.backward(logits, gradient);
        }
    }

    @Override
    public void close() {
        if (recording != null) {
            recording.close();
            recording = null;
        }
    }

    /** One chunk size's passes, and the memory that they read from and write to. */
    private final class Recording implements AutoCloseable {
        private final NDManager scope = manager.newSubManager();
        private final NDArray images;
        private NDArray logits;
        /** Of the loss by the logits. */
        private NDArray gradient;

        private Graph forward;
        /** Null before the first backward pass. */
        private Graph backward;

        Recording(NDArray first) {
            // In the same memory format.
            images = first.duplicate();
            images.attach(scope);
        }

        NDArray forward(NDArray values) {
            LibTorch.copy(values, images);
            if (forward == null) {
                forward = recorder.record(() -> logits = replica.forward(images), null);
            } else {
                replica.countForwardPass();
            }
            forward.replay();
            return logits;
        }

        void backward(NDArray values) {
            if (gradient == null) {
                gradient = scope.create(values.getShape(), DataType.FLOAT32);
            }
            LibTorch.copy(values, gradient);
            if (backward == null) {
                backward = recorder.record(() -> eager.backward(logits, gradient), forward);
            }
            backward.replay();
        }

        @Override
        public void close() {
            // The second goes first: its memory is the first one's.
            if (backward != null) {
                backward.close();
            }
            if (forward != null) {
                forward.close();
            }
            scope.close();
        }
    }
}

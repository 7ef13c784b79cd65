package dev.lockstep.coordinator.data;

import dev.lockstep.common.plan.DataSpec;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;

/** Gives a measurement its batches, one for each step. The same arguments always give the same batches. Not thread-safe. */
public interface BatchSource extends AutoCloseable {
    /**
     * Opens what a plan names.
     *
     * @param format how {@link #fill} lays images out
     * @param batch samples of a step, over all devices
     * @param seed decides synthetic images, and the order of photographs
     * @throws dev.lockstep.common.failure.LockstepException (data) if there are no such images or not these shapes, or broken ones among
     *     them; the message names the folder or the file
     */
    static BatchSource open(DataSpec data, ModelSpec model, MemoryFormat format, int batch, long seed) {
        if (data instanceof DataSpec.Tensors tensors) {
            return TensorsSource.open(tensors.file(), model, format, batch);
        }
        if (data instanceof DataSpec.ImageFolder photographs) {
            return ImageFolderSource.open(photographs.folder(), model, format, batch, seed);
        }
        return new SyntheticSource(model, format, batch, seed);
    }

    /**
     * Writes a step's batch from the buffers' positions on, which stay where they are. Waits for images that are still being
     * decoded.
     *
     * @param step number within the measurement, from 0; steps are asked for in order, one after the other
     * @param inputs takes float32 [batch, 3, H, W], or [batch, H, W, 3] when channels-last; has room for just that
     * @param labels takes int64 [batch]; has room for just that
     * @throws dev.lockstep.common.failure.LockstepException (data) if an image turns out to be broken; the message names it
     */
    void fill(long step, FloatBuffer inputs, LongBuffer labels);

    /** Whether every step has the same batch, so that one {@link #fill} serves all of them. */
    boolean constant();

    /** Ends what reads ahead; an image that is being decoded is the last one of its thread. */
    @Override
    void close();
}

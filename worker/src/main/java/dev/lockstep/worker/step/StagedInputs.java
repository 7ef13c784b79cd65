package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.worker.cuda.CudaRuntime;
import dev.lockstep.worker.cuda.CudaRuntime.Direction;
import dev.lockstep.worker.cuda.PinnedMemory;
import dev.lockstep.worker.libtorch.LibTorch;
import java.util.HashMap;
import java.util.Map;

/**
 * Inputs copied to the GPU in its own order of work, so that the host goes on and the step's kernels find them. The coordinator
 * fills a slot again only after the step that read it was reported, which is after the GPU was done with it.
 */
final class StagedInputs implements InputSlots {
    private final MappedInputs memory;
    private final int imageSize;
    private final boolean channelsLast;
    private final CudaRuntime runtime;
    private final PinnedMemory pinned;
    private final Map<Range, Long> imageAddresses = new HashMap<>();
    private final Map<Range, Long> labelAddresses = new HashMap<>();

    /**
     * @param memory where inputs come from
     * @param pinned locks them; outlives the copies
     */
    StagedInputs(MappedInputs memory, int imageSize, boolean channelsLast, CudaRuntime runtime, PinnedMemory pinned) {
        this.memory = memory;
        this.imageSize = imageSize;
        this.channelsLast = channelsLast;
        this.runtime = runtime;
        this.pinned = pinned;
    }

    @Override
    public NDArray images(NDManager manager, Range range) {
        Shape shape = InputSlots.shape(range.samples(), imageSize, channelsLast);
        NDArray inMemoryOrder = manager.create(shape, DataType.FLOAT32);
        long address = imageAddresses.computeIfAbsent(range, absent -> pinned.pin(memory.images(absent)));
        copy(address, inMemoryOrder, Float.BYTES);
        return InputSlots.logical(inMemoryOrder, channelsLast);
    }

    @Override
    public NDArray labels(NDManager manager, Range range) {
        NDArray labels = manager.create(new Shape(range.samples(), 1), DataType.INT64);
        long address = labelAddresses.computeIfAbsent(range, absent -> pinned.pin(memory.labels(absent)));
        copy(address, labels, Long.BYTES);
        return labels;
    }

    private void copy(long from, NDArray to, int elementBytes) {
        runtime.copyAsync(
                LibTorch.address(to),
                from,
                to.size() * elementBytes,
                Direction.HOST_TO_DEVICE,
                CudaRuntime.DEFAULT_STREAM);
    }
}

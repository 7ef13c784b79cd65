package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.common.tensor.NamedTensor;
import dev.lockstep.common.tensor.TensorType;
import dev.lockstep.worker.collective.Shard;
import dev.lockstep.worker.step.FlatLayout.Place;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * Many tensors in one float32 array: kernels run over {@link #array}, the tensors are views of its memory.
 *
 * @param layout of the tensors
 * @param array float32 [floats]
 * @param bytes the same memory
 */
record FlatTensor(FlatLayout layout, NDArray array, ByteBuffer bytes) {
    /** Zeros in memory of libtorch's own. */
    static FlatTensor allocate(NDManager manager, FlatLayout layout) {
        NDArray array = manager.zeros(new Shape(layout.floats()), DataType.FLOAT32);
        return new FlatTensor(layout, array, array.toByteBuffer(true));
    }

    /** Over memory of someone else's, which must outlive it. */
    static FlatTensor over(NDManager manager, FlatLayout layout, ByteBuffer bytes) {
        return new FlatTensor(layout, manager.create(bytes, new Shape(layout.floats()), DataType.FLOAT32), bytes);
    }

    /** One tensor's memory. */
    ByteBuffer bytes(String name) {
        Place place = layout.place(name);
        int first = Math.toIntExact(place.offset() * Float.BYTES);
        int length = Math.toIntExact(place.shape().size() * Float.BYTES);
        return bytes.slice(first, length).order(ByteOrder.nativeOrder());
    }

    /** One tensor, over the same memory. */
    NDArray view(NDManager manager, String name) {
        return manager.create(bytes(name), layout.place(name).shape(), DataType.FLOAT32);
    }

    /** A shard of the array, over the same memory. */
    NDArray shard(NDManager manager, Shard shard) {
        int first = Math.toIntExact(shard.from() * Float.BYTES);
        int length = Math.toIntExact(shard.floats() * Float.BYTES);
        ByteBuffer part = bytes.slice(first, length).order(ByteOrder.nativeOrder());
        return manager.create(part, new Shape(shard.floats()), DataType.FLOAT32);
    }

    /** The same values in memory of libtorch's own. */
    FlatTensor copy(NDManager manager) {
        FlatTensor copy = allocate(manager, layout);
        copy.bytes.put(0, bytes, 0, bytes.capacity());
        return copy;
    }

    /** The tensors for a file, each under {@code prefix} and its name, read when they are written. */
    List<NamedTensor> named(String prefix) {
        // libtorch runs on little-endian processors alone, so the memory is what the file wants.
        return layout.places().entrySet().stream()
                .map(entry -> new NamedTensor(
                        prefix + entry.getKey(),
                        TensorType.F32,
                        entry.getValue().dimensions(),
                        () -> bytes(entry.getKey())))
                .toList();
    }

    float[] read(String name) {
        float[] values = new float[Math.toIntExact(layout.place(name).shape().size())];
        bytes(name).asFloatBuffer().get(values);
        return values;
    }

    void write(String name, float[] values) {
        long size = layout.place(name).shape().size();
        if (values.length != size) {
            throw new IllegalArgumentException("tensor '" + name + "' has " + size + " elements, not " + values.length);
        }
        bytes(name).asFloatBuffer().put(values);
    }
}

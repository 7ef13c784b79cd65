package dev.lockstep.worker.step;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.common.tensor.NamedTensor;
import dev.lockstep.common.tensor.TensorType;
import dev.lockstep.worker.collective.Shard;
import dev.lockstep.worker.libtorch.LibTorch;
import dev.lockstep.worker.step.FlatLayout.Place;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * Many tensors in one float32 array: kernels run over {@link #array}, the tensors are views of its memory. Where the host cannot address
 * that memory, it reads and writes values through {@link #onHost} and {@link #set}.
 *
 * @param layout of the tensors
 * @param array float32 [floats]
 * @param bytes the same memory; null on a GPU
 */
record FlatTensor(FlatLayout layout, NDArray array, ByteBuffer bytes) {
    /** Zeros in memory of libtorch's own. */
    static FlatTensor allocate(NDManager manager, FlatLayout layout) {
        NDArray array = manager.zeros(new Shape(layout.floats()), DataType.FLOAT32);
        return new FlatTensor(layout, array, array.toByteBuffer(true));
    }

    /** Zeros on the manager's device, of whose memory the host has no view. */
    static FlatTensor onDevice(NDManager manager, FlatLayout layout) {
        return new FlatTensor(layout, manager.zeros(new Shape(layout.floats()), DataType.FLOAT32), null);
    }

    /** Over memory of someone else's, which must outlive it. */
    static FlatTensor over(NDManager manager, FlatLayout layout, ByteBuffer bytes) {
        return new FlatTensor(layout, manager.create(bytes, new Shape(layout.floats()), DataType.FLOAT32), bytes);
    }

    /**
     * These values where the host can address them: this itself, or else a copy.
     *
     * @param manager owns the copy, and is of any device
     */
    FlatTensor onHost(NDManager manager) {
        if (bytes != null) {
            return this;
        }
        FlatTensor copy = allocate(manager.newSubManager(Device.cpu()), layout);
        LibTorch.copy(array, copy.array);
        return copy;
    }

    /** Takes over values that {@link #onHost} gave and the host has changed. */
    void set(FlatTensor host) {
        if (host.array != array) {
            LibTorch.copy(host.array, array);
        }
    }

    /** One tensor's memory. Of what the host can address alone. */
    ByteBuffer bytes(String name) {
        if (bytes == null) {
            throw new IllegalStateException("the host cannot address '" + name + "' on " + array.getDevice());
        }
        Place place = layout.place(name);
        int first = Math.toIntExact(place.offset() * Float.BYTES);
        int length = Math.toIntExact(place.shape().size() * Float.BYTES);
        return bytes.slice(first, length).order(ByteOrder.nativeOrder());
    }

    /** One tensor, over the same memory. */
    NDArray view(NDManager manager, String name) {
        Place place = layout.place(name);
        return bytes == null
                ? part(manager, place.offset(), place.shape())
                : manager.create(bytes(name), place.shape(), DataType.FLOAT32);
    }

    /** A shard of the array, over the same memory. */
    NDArray shard(NDManager manager, Shard shard) {
        if (bytes == null) {
            return part(manager, shard.from(), new Shape(shard.floats()));
        }
        int first = Math.toIntExact(shard.from() * Float.BYTES);
        int length = Math.toIntExact(shard.floats() * Float.BYTES);
        ByteBuffer part = bytes.slice(first, length).order(ByteOrder.nativeOrder());
        return manager.create(part, new Shape(shard.floats()), DataType.FLOAT32);
    }

    /** A tensor of its own over a part of the memory. To autograd it is no view of the array, as over host memory it is none. */
    private NDArray part(NDManager manager, long first, Shape shape) {
        NDArray part = manager.create(shape, DataType.FLOAT32);
        try (PtNDArray flat = JniUtils.slice((PtNDArray) array, 0, first, first + shape.size(), 1);
                PtNDArray place = JniUtils.reshape(flat, shape.getShape())) {
            LibTorch.alias(part, place);
        }
        return part;
    }

    /** The same values in memory of libtorch's own, where the host can address them. */
    FlatTensor copy(NDManager manager) {
        FlatTensor copy = allocate(manager.newSubManager(Device.cpu()), layout);
        LibTorch.copy(array, copy.array);
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

    /** One tensor's values. */
    float[] read(String name) {
        float[] values = new float[Math.toIntExact(layout.place(name).shape().size())];
        try (NDManager manager = array.getManager().newSubManager()) {
            onHost(manager).bytes(name).asFloatBuffer().get(values);
        }
        return values;
    }

    /** Writes one tensor's values. */
    void write(String name, float[] values) {
        long size = layout.place(name).shape().size();
        if (values.length != size) {
            throw new IllegalArgumentException("tensor '" + name + "' has " + size + " elements, not " + values.length);
        }
        try (NDManager manager = array.getManager().newSubManager()) {
            FlatTensor host = onHost(manager);
            host.bytes(name).asFloatBuffer().put(values);
            set(host);
        }
    }
}

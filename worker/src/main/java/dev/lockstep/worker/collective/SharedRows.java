package dev.lockstep.worker.collective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;

/**
 * A matrix in shared memory, float32 [samples, classes], as arrays of some of its rows. Each is made once, because to make one takes longer
 * than much of a small step, and a measurement's steps ask for few.
 */
final class SharedRows {
    private final NDManager owner;
    private final ByteBuffer bytes;
    private final int classes;
    private final Map<Rows, NDArray> arrays = new HashMap<>();

    private record Rows(int first, int count) {}

    /** @param owner of the arrays; closed before the memory is unmapped */
    SharedRows(NDManager owner, ByteBuffer bytes, int classes) {
        this.owner = owner;
        this.bytes = bytes;
        this.classes = classes;
    }

    /** Rows as an array over their memory; not the caller's to close. */
    NDArray array(int first, int count) {
        return arrays.computeIfAbsent(new Rows(first, count), this::create);
    }

    /** Writes rows from {@code first} on. */
    void put(int first, NDArray rows) {
        ByteBuffer values = rows.toByteBuffer(true);
        bytes.put(first * classes * Float.BYTES, values, 0, values.capacity());
    }

    private NDArray create(Rows rows) {
        return array(owner, bytes, (long) rows.first * classes, new Shape(rows.count, classes));
    }

    /** A float32 array over a part of a buffer. */
    static NDArray array(NDManager owner, ByteBuffer bytes, long firstFloat, Shape shape) {
        int first = Math.toIntExact(firstFloat * Float.BYTES);
        ByteBuffer part = bytes.slice(first, Math.toIntExact(shape.size() * Float.BYTES));
        return owner.create(part.order(ByteOrder.nativeOrder()), shape, DataType.FLOAT32);
    }
}

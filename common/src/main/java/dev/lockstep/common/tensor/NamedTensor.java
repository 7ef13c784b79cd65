package dev.lockstep.common.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;

/**
 * A tensor to be written.
 *
 * @param shape dimensions, outermost first; empty for a scalar
 * @param data asked once, when the tensor's turn comes: its elements from position to limit, little-endian, row-major. The buffer
 *     is only read, and may be reused for the next tensor
 */
public record NamedTensor(String name, TensorType type, List<Long> shape, Supplier<ByteBuffer> data) {
    public NamedTensor {
        shape = List.copyOf(shape);
    }

    /**
     * An F32 tensor; the array is read when it is written.
     *
     * @throws IllegalArgumentException if the shape does not hold that many values
     */
    public static NamedTensor floats(String name, float[] values, long... shape) {
        return checked(name, TensorType.F32, values.length, shape, () -> {
            ByteBuffer bytes = littleEndian(TensorType.F32, values.length);
            bytes.asFloatBuffer().put(values);
            return bytes;
        });
    }

    /**
     * An I64 tensor; the array is read when it is written.
     *
     * @throws IllegalArgumentException if the shape does not hold that many values
     */
    public static NamedTensor longs(String name, long[] values, long... shape) {
        return checked(name, TensorType.I64, values.length, shape, () -> {
            ByteBuffer bytes = littleEndian(TensorType.I64, values.length);
            bytes.asLongBuffer().put(values);
            return bytes;
        });
    }

    private static NamedTensor checked(
            String name, TensorType type, int values, long[] shape, Supplier<ByteBuffer> data) {
        List<Long> dimensions = Arrays.stream(shape).boxed().toList();
        if (type.bytes(dimensions) != (long) values * type.elementBytes()) {
            throw new IllegalArgumentException(
                    "tensor '" + name + "' of shape " + dimensions + " cannot hold " + values + " values");
        }
        return new NamedTensor(name, type, dimensions, data);
    }

    private static ByteBuffer littleEndian(TensorType type, int values) {
        return ByteBuffer.allocate(Math.multiplyExact(values, type.elementBytes()))
                .order(ByteOrder.LITTLE_ENDIAN);
    }
}

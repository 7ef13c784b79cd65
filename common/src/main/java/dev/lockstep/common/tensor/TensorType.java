package dev.lockstep.common.tensor;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** The element types that Lockstep reads and writes, under their safetensors names. All are little-endian in a file. */
public enum TensorType {
    F32(4),
    F16(2),
    BF16(2),
    I64(8);

    private final int elementBytes;

    TensorType(int elementBytes) {
        this.elementBytes = elementBytes;
    }

    public int elementBytes() {
        return elementBytes;
    }

    /** The type of that safetensors name; empty when Lockstep has none. */
    static Optional<TensorType> named(String name) {
        return Arrays.stream(values()).filter(type -> type.name().equals(name)).findFirst();
    }

    static String names() {
        return Arrays.stream(values()).map(TensorType::name).collect(Collectors.joining(", "));
    }

    /**
     * Bytes of a tensor of this type. A shape of no dimensions is a scalar: one element.
     *
     * @throws ArithmeticException if a dimension is negative or the size does not fit 63 bits
     */
    long bytes(List<Long> shape) {
        long elements = 1;
        for (long dimension : shape) {
            if (dimension < 0) {
                throw new ArithmeticException("negative dimension " + dimension);
            }
            elements = Math.multiplyExact(elements, dimension);
        }
        return Math.multiplyExact(elements, elementBytes);
    }
}

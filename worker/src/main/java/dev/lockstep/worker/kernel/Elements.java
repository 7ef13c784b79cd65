package dev.lockstep.worker.kernel;

import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import com.sun.jna.Pointer;
import dev.lockstep.worker.libtorch.LibTorch;
import java.util.Optional;

/** What a kernel's images are made of. It computes in float32 all the same. */
enum Elements {
    FLOAT32(Float.BYTES),
    BFLOAT16(Short.BYTES);

    private static final int HALF_A_UNIT = 0x8000;
    private static final int UPPER_BITS = 0xFFFF_0000;

    private final int bytes;

    Elements(int bytes) {
        this.bytes = bytes;
    }

    /** An array's, if kernels know them. */
    static Optional<Elements> of(PtNDArray array) {
        if (array.getDataType() == DataType.FLOAT32) {
            return Optional.of(FLOAT32);
        }
        return LibTorch.isBfloat16(array) ? Optional.of(BFLOAT16) : Optional.empty();
    }

    /** @throws IllegalArgumentException if an array is not of these, of this shape, and dense in channels-last order */
    void check(PtNDArray array, Shape shape) {
        if (!array.getShape().equals(shape)
                || of(array).filter(this::equals).isEmpty()
                || !LibTorch.isDenseChannelsLast(array)) {
            throw new IllegalArgumentException("%s %s is not %s %s in channels-last order"
                    .formatted(array.getDataType(), array.getShape(), this, shape));
        }
    }

    int bytes() {
        return bytes;
    }

    /** The first numbers in memory. */
    float[] read(Pointer from, int count) {
        if (this == FLOAT32) {
            return from.getFloatArray(0, count);
        }
        short[] halves = from.getShortArray(0, count);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = Float.intBitsToFloat(halves[i] << Short.SIZE);
        }
        return values;
    }

    /** Makes of each number what these hold of it: the nearest, and of two the even one. */
    void round(float[] numbers) {
        if (this == FLOAT32) {
            return;
        }
        for (int i = 0; i < numbers.length; i++) {
            int bits = Float.floatToRawIntBits(numbers[i]);
            int even = bits >>> Short.SIZE & 1;
            if (!Float.isNaN(numbers[i])) {
                numbers[i] = Float.intBitsToFloat(bits + HALF_A_UNIT - 1 + even & UPPER_BITS);
            }
        }
    }
}

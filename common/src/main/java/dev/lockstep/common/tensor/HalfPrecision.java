package dev.lockstep.common.tensor;

import java.nio.ShortBuffer;

/** Widening of the 16-bit floating-point formats to float32. Both are exact: float32 holds every value of either. */
final class HalfPrecision {
    private static final int FLOAT_INFINITY = 0x7f80_0000;
    private static final int HALF_FRACTION_BITS = 10;
    private static final int FLOAT_FRACTION_BITS = 23;
    private static final int FRACTION_SHIFT = FLOAT_FRACTION_BITS - HALF_FRACTION_BITS;
    private static final int BIAS_DIFFERENCE = 127 - 15;

    private HalfPrecision() {}

    static float[] fromFloat16(ShortBuffer halves) {
        float[] values = new float[halves.remaining()];
        for (int index = 0; index < values.length; index++) {
            values[index] = fromFloat16(halves.get());
        }
        return values;
    }

    static float[] fromBfloat16(ShortBuffer bits) {
        float[] values = new float[bits.remaining()];
        for (int index = 0; index < values.length; index++) {
            values[index] = fromBfloat16(bits.get());
        }
        return values;
    }

    /** IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits. A NaN keeps its sign and payload. */
    static float fromFloat16(short half) {
        int sign = (half & 0x8000) << 16;
        int exponent = (half >>> HALF_FRACTION_BITS) & 0x1f;
        int fraction = half & 0x3ff;
        if (exponent == 0x1f) {
            return Float.intBitsToFloat(sign | FLOAT_INFINITY | fraction << FRACTION_SHIFT);
        }
        if (exponent == 0) { // zero or subnormal: a multiple of 2^-24, which float32 holds as a normal number
            return Float.intBitsToFloat(sign | Float.floatToRawIntBits(fraction * 0x1p-24f));
        }
        return Float.intBitsToFloat(
                sign | (exponent + BIAS_DIFFERENCE) << FLOAT_FRACTION_BITS | fraction << FRACTION_SHIFT);
    }

    /** bfloat16: the upper half of a float32. */
    static float fromBfloat16(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }
}

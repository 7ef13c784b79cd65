package dev.lockstep.common.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ShortBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HalfPrecisionTest {
    /** What numpy makes of them: zeros, subnormals, normals, infinities, quiet and signalling NaNs. */
    @ParameterizedTest
    @CsvSource({
        "0000, 00000000",
        "8000, 80000000",
        "0001, 33800000",
        "8001, b3800000",
        "03ff, 387fc000",
        "0400, 38800000",
        "3555, 3eaaa000",
        "3c00, 3f800000",
        "7bff, 477fe000",
        "7c00, 7f800000",
        "fc00, ff800000",
        "7e00, 7fc00000",
        "fe01, ffc02000"
    })
    void shouldWidenFloat16AsNumpyDoes(String half, String bits) {
        float widened = HalfPrecision.fromFloat16((short) Integer.parseInt(half, 16));
        assertEquals(Integer.parseUnsignedInt(bits, 16), Float.floatToRawIntBits(widened));
    }

    @Test
    void shouldWidenEveryFiniteFloat16ByItsDefinition() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            int exponent = (bits >> 10) & 0x1f;
            int fraction = bits & 0x3ff;
            if (exponent == 0x1f) {
                continue;
            }
            double magnitude = exponent == 0
                    ? Math.scalb((double) fraction, -24)
                    : Math.scalb(1 + fraction / 1024.0, exponent - 15);
            float expected = (float) (bits < 0x8000 ? magnitude : -magnitude);
            assertEquals(expected, HalfPrecision.fromFloat16((short) bits), "float16 bits " + bits);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0000, 00000000",
        "8000, 80000000",
        "0001, 00010000",
        "807f, 807f0000",
        "3f80, 3f800000",
        "c049, c0490000",
        "7f7f, 7f7f0000",
        "7f80, 7f800000",
        "ff80, ff800000",
        "7fc0, 7fc00000"
    })
    void shouldWidenBfloat16ToTheUpperHalf(String half, String bits) {
        float widened = HalfPrecision.fromBfloat16((short) Integer.parseInt(half, 16));
        assertEquals(Integer.parseUnsignedInt(bits, 16), Float.floatToRawIntBits(widened));
    }

    @Test
    void shouldWidenWholeTensors() {
        ShortBuffer bits = ShortBuffer.wrap(new short[] {0x3c00, (short) 0xc000});
        assertArrayEquals(new float[] {1f, -2f}, HalfPrecision.fromFloat16(bits.duplicate()));
        assertArrayEquals(new float[] {0x1.0p-7f, -2f}, HalfPrecision.fromBfloat16(bits.put(0, (short) 0x3c00)));
    }
}

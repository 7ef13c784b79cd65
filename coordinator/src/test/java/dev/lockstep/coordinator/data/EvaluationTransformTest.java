package dev.lockstep.coordinator.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.plan.MemoryFormat;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EvaluationTransformTest {
    private static final Path IMAGES = Path.of("src/test/resources/images");
    private static final int SIZE = 32;

    /**
     * A PNG holds exact values, and both sides resample in the same integers: nothing may differ. A JPEG's decoder may round
     * otherwise on another machine.
     */
    @ParameterizedTest
    @CsvSource({
        "landscape.png, expected-landscape.png, 0",
        "upright-grey.png, expected-upright-grey.png, 0",
        "small-palette.png, expected-small-palette.png, 0",
        "alpha.png, expected-alpha.png, 0",
        "grey-alpha.png, expected-grey-alpha.png, 0",
        "black-white.png, expected-black-white.png, 0",
        "cmyk.jpg, expected-cmyk.png, 2"
    })
    void shouldResizeAndCropAsTorchvisionDoes(String image, String expected, int tolerance) {
        RgbImage crop = new EvaluationTransform(layout(MemoryFormat.CONTIGUOUS))
                .crop(ImageDecoder.decode(IMAGES.resolve(image)));
        RgbImage reference = ImageDecoder.decode(IMAGES.resolve(expected));
        for (int i = 0; i < SIZE * SIZE * RgbImage.CHANNELS; i++) {
            assertEquals(reference.value(i), crop.value(i), tolerance, image + " at " + i);
        }
    }

    @Test
    void shouldNormaliseByImageNetsMeanAndDeviation() {
        float[] contiguous = normalised(MemoryFormat.CONTIGUOUS);
        int pixels = SIZE * SIZE;
        RgbImage crop = ImageDecoder.decode(IMAGES.resolve("expected-landscape.png"));
        int last = pixels - 1;
        assertEquals((crop.value(0) / 255.0 - 0.485) / 0.229, contiguous[0], 1e-6);
        assertEquals((crop.value(last * 3 + 1) / 255.0 - 0.456) / 0.224, contiguous[pixels + last], 1e-6);
        assertEquals((crop.value(last * 3 + 2) / 255.0 - 0.406) / 0.225, contiguous[2 * pixels + last], 1e-6);
    }

    @Test
    void shouldLayTheSameValuesOutInBothMemoryFormats() {
        float[] contiguous = normalised(MemoryFormat.CONTIGUOUS);
        float[] channelsLast = normalised(MemoryFormat.CHANNELS_LAST);
        for (int pixel = 0; pixel < SIZE * SIZE; pixel++) {
            for (int channel = 0; channel < RgbImage.CHANNELS; channel++) {
                assertEquals(contiguous[channel * SIZE * SIZE + pixel], channelsLast[pixel * 3 + channel]);
            }
        }
        assertTrue(contiguous[1] != channelsLast[1], "the picture would look the same in both");
    }

    private static float[] normalised(MemoryFormat format) {
        float[] values = new float[layout(format).sampleFloats()];
        new EvaluationTransform(layout(format))
                .normalise(ImageDecoder.decode(IMAGES.resolve("expected-landscape.png")), FloatBuffer.wrap(values));
        return values;
    }

    private static InputLayout layout(MemoryFormat format) {
        return new InputLayout(format, SIZE);
    }
}

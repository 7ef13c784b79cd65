package dev.lockstep.common.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TensorComparisonTest {
    /** Vectors in memory, by name. */
    private static final class Vectors implements FloatTensors {
        private final Map<String, float[]> vectors = new LinkedHashMap<>();

        Vectors with(String name, float... values) {
            vectors.put(name, values);
            return this;
        }

        @Override
        public List<String> names() {
            return new ArrayList<>(vectors.keySet());
        }

        @Override
        public List<Long> shape(String name) {
            return List.of((long) vectors.get(name).length);
        }

        @Override
        public float[] floats(String name) {
            return vectors.get(name).clone();
        }
    }

    private static Vectors expected() {
        return new Vectors()
                .with("loss", 3.5f, 3.25f)
                .with("grad/a", 1, -2, 3, 0.5f)
                .with("grad/b", 1e-7f, -2e-7f)
                .with("param/a", 1, 2, 3, 4);
    }

    @Test
    void shouldJudgeAsTheConformanceProgramDoes() {
        Vectors actual = new Vectors()
                .with("param/a", 1, 2, 3.03f, 3.99f)
                .with("loss", 3.5f, 3.26f)
                .with("grad/b", 3e-7f, -2e-7f)
                .with("grad/a", 1.01f, -2, 3, 0.5f)
                .with("grad/unexpected", 7);
        TensorComparison comparison = TensorComparison.of(expected(), actual);
        assertEquals(List.of(), comparison.missing());
        assertEquals(3, comparison.groups().size());
        // Computed with numpy in float64; conformance/reference.py check prints the same errors and cosines.
        assertGroup(comparison.groups().get(0), "loss", 1, 0.001508828592093405, "loss", 0.9999988263943907);
        assertGroup(comparison.groups().get(1), "grad", 2, 0.003463023435688863, "grad/a", 0.9999967420540002);
        assertGroup(comparison.groups().get(2), "param", 1, 0.005227489794735628, "param/a", 0.9999847733978917);
        assertTrue(comparison.within(0.0053));
        assertFalse(comparison.within(0.0052));
    }

    private static void assertGroup(
            TensorComparison.Group group, String name, int tensors, double error, String worst, double cosine) {
        assertEquals(name, group.name());
        assertEquals(tensors, group.tensors());
        assertEquals(error, group.worstError(), 1e-14);
        assertEquals(worst, group.worstTensor());
        assertEquals(cosine, group.cosine(), 1e-14);
    }

    @Test
    void shouldJudgeANearlyZeroGradientByItsGroup() {
        Vectors actual = expected().with("grad/b", 3e-7f, -2e-7f);
        TensorComparison.Group grad =
                TensorComparison.of(expected(), actual).groups().get(1);
        assertGroup(grad, "grad", 2, 0.0010581788541133212, "grad/b", 1);
        Vectors alone = new Vectors().with("grad/b", 1e-7f, -2e-7f);
        assertTrue(TensorComparison.of(alone, actual).groups().get(0).worstError() > 0.5);
    }

    @Test
    void shouldFindNoErrorInEqualTensors() {
        TensorComparison comparison = TensorComparison.of(expected(), expected());
        assertTrue(comparison.within(0));
        assertEquals(1, comparison.groups().get(2).cosine(), 1e-15);
    }

    @Test
    void shouldSeeEveryElement() {
        float[] values = new float[10_000];
        Arrays.fill(values, 1f);
        for (int index = 0; index < values.length; index += 999) {
            float[] changed = values.clone();
            changed[index] = 1.5f;
            TensorComparison comparison =
                    TensorComparison.of(new Vectors().with("a", values), new Vectors().with("a", changed));
            assertEquals(0.25, comparison.groups().get(0).worstError(), 1e-4);
        }
    }

    @Test
    void shouldSeeASmallChangeOfTheWholeThroughItsNorm() {
        Vectors expected = new Vectors().with("a", 1, 100);
        TensorComparison.Group group = TensorComparison.of(expected, new Vectors().with("a", 1, 101))
                .groups()
                .get(0);
        double scale = Math.sqrt((1 + 100 * 100) / 2.0) * (1 + 1e-4);
        double normError = (Math.sqrt(1 + 101 * 101) - Math.sqrt(1 + 100 * 100)) / (scale * Math.sqrt(2));
        assertTrue(normError > 1 / (scale + 100), "the norm must be what decides here");
        assertEquals(normError, group.worstError(), 1e-14);
    }

    @Test
    void shouldSeeASmallShiftOfTheWholeThroughItsSum() {
        Vectors expected = new Vectors().with("a", 1, -1, 1, -1);
        Vectors actual = new Vectors().with("a", 1.25f, -0.75f, 1.25f, -0.75f);
        TensorComparison.Group group =
                TensorComparison.of(expected, actual).groups().get(0);
        assertEquals(0.25 / (1 + 1e-4), group.worstError(), 1e-14, "each element alone is only half as far off");
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void shouldNeverAcceptWhatIsNotFinite(float value) {
        Vectors sound = new Vectors().with("grad/a", 1, 2).with("grad/b", 1, 2);
        Vectors unsound = new Vectors().with("grad/a", 1, 2).with("grad/b", 1, value);
        for (TensorComparison comparison : List.of(
                TensorComparison.of(sound, unsound),
                TensorComparison.of(unsound, sound),
                TensorComparison.of(unsound, unsound))) {
            TensorComparison.Group group = comparison.groups().get(0);
            assertEquals(Double.POSITIVE_INFINITY, group.worstError());
            assertEquals("grad/b", group.worstTensor());
            assertFalse(comparison.within(Double.MAX_VALUE));
        }
    }

    @Test
    void shouldNotAcceptAnotherShapeOrAMissingTensor() {
        TensorComparison reshaped = TensorComparison.of(expected(), expected().with("param/a", 1, 2, 3));
        assertGroup(reshaped.groups().get(2), "param", 1, Double.POSITIVE_INFINITY, "param/a", 0);
        assertFalse(reshaped.within(1));
        TensorComparison incomplete = TensorComparison.of(expected().with("param/b", 1), expected());
        assertEquals(List.of("param/b"), incomplete.missing());
        assertFalse(incomplete.within(1));
        assertFalse(TensorComparison.of(new Vectors(), expected()).within(1), "nothing compared is nothing proved");
    }

    @Test
    void shouldCompareZerosWithZeros() {
        Vectors zeros = new Vectors().with("grad/a", 0, 0).with("grad/none");
        assertTrue(TensorComparison.of(zeros, zeros).within(0));
        assertEquals(
                Double.POSITIVE_INFINITY,
                TensorComparison.of(
                                zeros, new Vectors().with("grad/a", 0, 1e-30f).with("grad/none"))
                        .groups()
                        .get(0)
                        .worstError());
    }
}

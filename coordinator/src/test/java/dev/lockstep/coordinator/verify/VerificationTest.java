package dev.lockstep.coordinator.verify;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.plan.Chunks;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.tensor.FloatTensors;
import dev.lockstep.common.tensor.Safetensors;
import dev.lockstep.coordinator.verify.Verification.Comparison;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VerificationTest {
    @TempDir
    Path folder;

    /** A trace of one tensor a group. */
    private record Tensors(Map<String, float[]> values) implements FloatTensors {
        static Tensors of(float loss, float logit, float... gradient) {
            return new Tensors(new TreeMap<>(
                    Map.of("loss", new float[] {loss}, "logits", new float[] {logit, 1}, "grad/w", gradient)));
        }

        @Override
        public List<String> names() {
            return List.copyOf(values.keySet());
        }

        @Override
        public List<Long> shape(String name) {
            return List.of((long) values.get(name).length);
        }

        @Override
        public float[] floats(String name) {
            return values.get(name).clone();
        }
    }

    private static List<String> beyond(Rule rule, Tensors expected, Tensors actual) {
        return rule.judge(expected, actual).stream()
                .filter(finding -> !finding.holds())
                .map(Finding::group)
                .toList();
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 5, 8, 64})
    void shouldCompareOnFullAndOnUnevenChunks(int devices) {
        assertEquals(
                Collections.nCopies(devices, Inputs.ONE_CHUNK.images(1)),
                Chunks.of(Inputs.A_CHUNK_EACH.images(devices), devices));
        List<Integer> uneven = Chunks.of(Inputs.UNEVEN.images(devices), devices);
        assertEquals(devices, uneven.size());
        assertTrue(uneven.get(devices - 1) < uneven.get(0), uneven::toString);
    }

    @Test
    void shouldCompareOnGpusWhatRepeatsThere() {
        List<Comparison> comparisons = Verification.onGpus(2, List.of(Precision.AMP, Precision.FP32), true);
        assertEquals(
                List.of(
                        "fp32-strict, 1 device against 2",
                        "amp, 1 device against 2",
                        "data-parallel against all-reduce",
                        "fp32-strict against amp",
                        "fp32-strict against fp32",
                        "steps recorded against launched",
                        "the same run twice"),
                comparisons.stream().map(Comparison::name).toList());
        assertEquals(9, Verification.traces(comparisons).size());
    }

    @Test
    void shouldCompareOnOneGpuWhatNeedsNoOther() {
        List<Comparison> comparisons =
                Verification.onGpus(1, List.of(Precision.FP32, Precision.AMP, Precision.AMP_BF16), false);
        assertEquals(
                List.of(
                        "fp32-strict against fp32",
                        "fp32-strict against amp",
                        "fp32-strict against amp-bf16",
                        "steps recorded against launched",
                        "the same run twice"),
                comparisons.stream().map(Comparison::name).toList());
        assertEquals(
                List.of(
                        new Rule.WithinRounding(1),
                        new Rule.SameDirection(true),
                        new Rule.SameDirection(false),
                        new Rule.WithinRounding(1),
                        new Rule.WithinRounding(1)),
                comparisons.stream().map(Comparison::rule).toList());
    }

    @Test
    void shouldCompareMixedPrecisionOfDevicesByLossAndLogits() {
        Rule rule = new Rule.SameForward(1);
        Tensors expected = Tensors.of(3, 2, 1, 2);
        assertEquals(List.of(), beyond(rule, expected, Tensors.of(3.01f, 2.01f, -5, Float.NaN)));
        assertEquals(List.of("logits"), beyond(rule, expected, Tensors.of(3, 2.5f, 1, 2)));
        assertEquals(List.of("loss"), beyond(rule, expected, Tensors.of(4, 2, 1, 2)));
        assertEquals(List.of("loss"), beyond(rule, expected, Tensors.of(Float.NaN, 2, 1, 2)));
    }

    @Test
    void shouldTakeEachTraceOnce() {
        List<Comparison> comparisons =
                Verification.comparisons(3, List.of(Precision.FP32, Precision.AMP, Precision.FP32_STRICT));
        assertEquals(
                List.of(
                        "1 device against 3",
                        "data-parallel against all-reduce",
                        "fp32 against amp",
                        "fp32 against fp32-strict",
                        "the same run twice"),
                comparisons.stream().map(Comparison::name).toList());
        assertEquals(7, Verification.traces(comparisons).size());
    }

    @Test
    void shouldGiveEveryDeviceTheImagesOfOne() {
        Inputs.ONE_CHUNK.write(folder.resolve("one"), 1);
        Inputs.A_CHUNK_EACH.write(folder.resolve("each"), 2);
        Inputs.UNEVEN.write(folder.resolve("uneven"), 2);
        try (Safetensors one = Safetensors.read(folder.resolve("one"));
                Safetensors each = Safetensors.read(folder.resolve("each"));
                Safetensors uneven = Safetensors.read(folder.resolve("uneven"))) {
            float[] images = one.floats("inputs");
            float[] twice = each.floats("inputs");
            assertArrayEquals(images, Arrays.copyOfRange(twice, 0, images.length));
            assertArrayEquals(images, Arrays.copyOfRange(twice, images.length, twice.length));
            assertEquals(List.of(7L, 3L, 64L, 64L), uneven.shape("inputs"));
            float[] others = uneven.floats("inputs");
            assertFalse(Arrays.equals(
                    Arrays.copyOfRange(others, 0, others.length / 7),
                    Arrays.copyOfRange(others, others.length / 7 * 4, others.length / 7 * 5)));
        }
    }

    @Test
    void shouldAllowRoundingAndNoMore() {
        Tensors expected = Tensors.of(1, 1, 1, 2);
        Rule rule = new Rule.WithinRounding(1);
        assertEquals(List.of(), beyond(rule, expected, Tensors.of(1.0001f, 1.0001f, 1.001f, 2)));
        assertEquals(List.of("loss"), beyond(rule, expected, Tensors.of(1.01f, 1, 1, 2)));
        assertEquals(List.of("grad"), beyond(rule, expected, Tensors.of(1, 1, 0.5f, 1)));
        assertEquals(List.of("grad"), beyond(rule, expected, Tensors.of(1, 1, Float.NaN, 2)));
    }

    @Test
    void shouldWantMixedPrecisionToDifferButNotToTurn() {
        Tensors expected = Tensors.of(1, 1, 1, 2);
        Rule rule = Rule.forPrecision(Precision.AMP);
        assertEquals(List.of(), beyond(rule, expected, Tensors.of(1.01f, 1.01f, 1.2f, 1.9f)));
        assertEquals(List.of("logits"), beyond(rule, expected, Tensors.of(1, 1, 1, 2)));
        assertEquals(List.of("grad"), beyond(rule, expected, Tensors.of(1, 1.01f, 2, -1)));
        assertEquals(List.of("grad", "logits", "loss"), beyond(rule, expected, nan()));
    }

    private static Tensors nan() {
        return Tensors.of(Float.NaN, Float.NaN, Float.NaN, 1);
    }

    @Test
    void shouldWantARepeatedRunToBeTheSameToTheBit() {
        Tensors expected = Tensors.of(1, 1, 1, 2);
        assertEquals(List.of(), beyond(new Rule.Identical(), expected, expected));
        assertEquals(List.of("grad"), beyond(new Rule.Identical(), expected, Tensors.of(1, 1, 1, Math.nextUp(2f))));
    }

    @Test
    void shouldMissATensor() {
        Tensors expected = Tensors.of(1, 1, 1, 2);
        Tensors actual = new Tensors(Map.of("loss", new float[] {1}, "logits", new float[] {1, 1}));
        assertEquals(List.of("grad/w"), beyond(new Rule.WithinRounding(1), expected, actual));
    }
}

package dev.lockstep.worker.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.libtorch.Bfloat16Images;
import dev.lockstep.worker.libtorch.LibTorch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against libtorch's batch norm and SiLU, by autograd. */
class NormSiluTest {
    private static final double EPSILON = 1e-3;
    private static final double MOMENTUM = 0.1;
    private static final double HALF_A_BFLOAT16_UNIT = 0x1p-8;
    private static final long[] TO_NCHW = {0, 3, 1, 2};

    private NDManager manager;
    private int threads;

    @BeforeEach
    void open() {
        manager = LibTorch.load().newBaseManager();
        JniUtils.setGradMode(true);
        JniUtils.setSeed(7);
        threads = JniUtils.getNumThreads();
        JniUtils.setNumThreads(1);
        assumeTrue(Kernels.serves(Elements.FLOAT32), "no AVX-512 here");
    }

    @AfterEach
    void close() {
        JniUtils.setNumThreads(threads);
        manager.close();
    }

    @ParameterizedTest(name = "{0} images of {1} channels, {2} x {3}, mean {4}, deviation {5}")
    @CsvSource({
        "2, 16, 5, 7, 0, 1",
        "1, 64, 8, 8, -0.5, 3",
        "3, 24, 6, 6, 0.5, 1",
        "2, 40, 9, 4, 0, 2",
        "5, 7, 3, 3, 2, 0.5",
        "16, 1392, 7, 7, 0, 1",
        "2, 144, 56, 56, 0.3, 1",
        "2, 48, 14, 14, 300, 1",
        "2, 32, 14, 14, 0, 60"
    })
    void shouldFindWhatLibtorchFinds(int images, int channels, int height, int width, float mean, float deviation) {
        PtNDArray input =
                random(images, channels, height, width).muli(deviation).addi(mean);
        PtNDArray outputGradient = random(images, channels, height, width);

        shouldFindWhatLibtorchFinds(input, outputGradient, mean, deviation, 0);
    }

    /** What libtorch finds in float32 from the same numbers: bfloat16 is where images are stored, and nowhere else. */
    @ParameterizedTest(name = "{0} images of {1} channels, {2} x {3}, mean {4}, deviation {5}")
    @CsvSource({
        "2, 16, 5, 7, 0, 1",
        "3, 24, 6, 6, 0.5, 1",
        "5, 7, 3, 3, 2, 0.5",
        "16, 1392, 7, 7, 0, 1",
        "2, 144, 56, 56, 0.3, 1",
        "2, 32, 14, 14, 0, 60"
    })
    void shouldFindItForBfloat16(int images, int channels, int height, int width, float mean, float deviation) {
        assumeTrue(Kernels.serves(Elements.BFLOAT16), "no AVX-512 with bfloat16 here");
        PtNDArray input = Bfloat16Images.of(
                random(images, channels, height, width).muli(deviation).addi(mean));
        PtNDArray outputGradient = Bfloat16Images.of(random(images, channels, height, width));

        shouldFindWhatLibtorchFinds(input, outputGradient, mean, deviation, HALF_A_BFLOAT16_UNIT);
    }

    private void shouldFindWhatLibtorchFinds(
            PtNDArray input, PtNDArray outputGradient, float mean, float deviation, double rounding) {
        int channels = (int) input.getShape().get(1);
        PtNDArray gamma = vector(channels).addi(1);
        PtNDArray beta = vector(channels);

        PtNDArray expectedMean = (PtNDArray) manager.zeros(new Shape(channels));
        PtNDArray expectedVariance = (PtNDArray) manager.ones(new Shape(channels));
        PtNDArray leaf = input.toType(DataType.FLOAT32, true);
        PtNDArray gammaLeaf = (PtNDArray) gamma.duplicate();
        PtNDArray betaLeaf = (PtNDArray) beta.duplicate();
        leaf.setRequiresGradient(true);
        gammaLeaf.setRequiresGradient(true);
        betaLeaf.setRequiresGradient(true);
        PtNDArray normalized =
                JniUtils.batchNorm(leaf, expectedMean, expectedVariance, gammaLeaf, betaLeaf, true, MOMENTUM, EPSILON);
        PtNDArray expected = LibTorch.silu(normalized);
        JniUtils.backward(expected, outputGradient.toType(DataType.FLOAT32, true), false, false);

        assertTrue(Kernels.fit(input));
        PtNDArray runningMean = (PtNDArray) manager.zeros(new Shape(channels));
        PtNDArray runningVariance = (PtNDArray) manager.ones(new Shape(channels));
        PtNDArray output = LibTorch.emptyLike(input);
        PtNDArray gammaGradient = (PtNDArray) manager.ones(new Shape(channels));
        PtNDArray betaGradient = (PtNDArray) manager.ones(new Shape(channels));
        PtNDArray gradient = (PtNDArray) outputGradient.duplicate();
        try (NormSilu normSilu = new NormSilu(JniUtils.detachGradient(input), gamma, beta, EPSILON)) {
            normSilu.updateRunning(runningMean, runningVariance, MOMENTUM);
            normSilu.forward(output);
            normSilu.backward(gradient, gammaGradient, betaGradient);
        }

        // A mean of many deviations leaves libtorch's own sums fewer digits.
        double digits = 1e-6 * (1 + Math.abs(mean) / deviation);
        assertClose("output", expected, output, 4 * digits + rounding);
        assertArrayEquals(
                expectedMean.toFloatArray(),
                runningMean.toFloatArray(),
                (float) (3e-6 * MOMENTUM * (Math.abs(mean) + deviation)),
                "running mean");
        assertClose("running variance", expectedVariance, runningVariance, 4 * digits);
        assertClose("gradient by gamma", gammaLeaf.getGradient(), gammaGradient.subi(1), 10 * digits);
        assertClose("gradient by beta", betaLeaf.getGradient(), betaGradient.subi(1), 10 * digits);
        assertClose("gradient by the input", leaf.getGradient(), gradient, 10 * digits + rounding);
    }

    @ParameterizedTest(name = "silu({0})")
    @ValueSource(
            floats = {0, 1e-20f, 0.5f, -0.5f, 5, -5, 20, -20, 87, -87, 89, -89, 103, -103, 1000, -1000, 1e10f, -1e10f})
    void shouldKnowSilu(float x) {
        shouldKnowSilu(x, random(1, 1, 1, 2), 0);
    }

    @ParameterizedTest(name = "silu({0})")
    @ValueSource(floats = {0, 1e-20f, 0.5f, -0.5f, 5, -5, 20, -20, 87, -87, 103, -103, 1e10f, -1e10f})
    void shouldKnowItForBfloat16(float x) {
        assumeTrue(Kernels.serves(Elements.BFLOAT16), "no AVX-512 with bfloat16 here");
        shouldKnowSilu(x, Bfloat16Images.of(random(1, 1, 1, 2)), HALF_A_BFLOAT16_UNIT);
    }

    private void shouldKnowSilu(float x, PtNDArray input, double rounding) {
        // Of one channel with a 1 and a -1, batch norm leaves them; gamma and beta then make x of both.
        LibTorch.zero(input);
        input.addi(manager.create(new float[] {1, -1}));
        PtNDArray output = LibTorch.emptyLike(input);
        PtNDArray beta = (PtNDArray) manager.full(new Shape(1), x);

        try (NormSilu normSilu =
                new NormSilu(JniUtils.detachGradient(input), (PtNDArray) manager.zeros(new Shape(1)), beta, EPSILON)) {
            normSilu.forward(output);
        }

        double expected = x / (1 + Math.exp(-(double) x));
        for (float found : output.toType(DataType.FLOAT32, true).toFloatArray()) {
            // The power of two is right to 1.4e-7 of itself, and its exponent to half a unit in its last place.
            assertEquals(expected, found, Math.abs(expected) * (3e-7 + 1e-7 * Math.abs(x) + rounding) + 1e-36);
        }
    }

    @Test
    void shouldFindMeansAndProducts() {
        PtNDArray input = random(3, 24, 5, 5);
        PtNDArray output = random(3, 24, 5, 5);
        PtNDArray other = random(3, 24, 5, 5);
        PtNDArray means = (PtNDArray) manager.zeros(new Shape(3, 24, 1, 1));
        PtNDArray sums = (PtNDArray) manager.zeros(new Shape(3, 24, 1, 1));

        try (NormSilu normSilu = new NormSilu(JniUtils.detachGradient(input), vector(24), vector(24), EPSILON)) {
            normSilu.forward(output);
            normSilu.outputMeans(means);
            normSilu.sumProducts(other);
            normSilu.sumsOfProducts(sums);
        }

        assertClose("means", JniUtils.sum(output, new long[] {2, 3}, true).div(25), means, 1e-6);
        assertClose("products", JniUtils.sum(output.mul(other), new long[] {2, 3}, true), sums, 1e-6);
    }

    @Test
    void shouldKeepNotANumber() {
        PtNDArray input = random(2, 16, 4, 4);
        input.set(new NDIndex("0, 3, 1, 1"), Float.NaN);
        PtNDArray output = random(2, 16, 4, 4);

        try (NormSilu normSilu = new NormSilu(JniUtils.detachGradient(input), vector(16), vector(16), EPSILON)) {
            normSilu.forward(output);
        }

        assertTrue(Float.isNaN(output.get(":, 3").sum().getFloat()));
        assertFalse(Float.isNaN(output.get(":, 4").sum().getFloat()));
    }

    @Test
    void shouldLeaveOtherArraysAlone() {
        assertTrue(Kernels.fit(random(1, 16, 4, 4)));
        assertFalse(Kernels.fit((PtNDArray) manager.ones(new Shape(1, 16, 4, 4))), "contiguous");
        assertFalse(Kernels.fit((PtNDArray) random(2, 16, 4, 4).get(":, :, :, :2")), "with gaps");
        assertFalse(Kernels.fit(random(1, 16, 4, 4).toType(DataType.FLOAT16, true)), "16 bits");
        JniUtils.setNumThreads(2);
        assertFalse(Kernels.fit(random(1, 16, 4, 4)), "two threads");
    }

    private PtNDArray random(int images, int channels, int height, int width) {
        PtNDArray byPixel =
                (PtNDArray) manager.randomNormal(0f, 1f, new Shape(images, height, width, channels), DataType.FLOAT32);
        return JniUtils.permute(byPixel, TO_NCHW);
    }

    private PtNDArray vector(int channels) {
        return (PtNDArray) manager.randomNormal(0f, 1f, new Shape(channels), DataType.FLOAT32);
    }

    /** To some part of the largest number. */
    private static void assertClose(String what, NDArray expected, NDArray actual, double part) {
        assertEquals(expected.getShape(), actual.getShape());
        float largest = expected.abs().max().getFloat();
        float[] found = actual.toType(DataType.FLOAT32, true).toFloatArray();
        assertArrayEquals(expected.toFloatArray(), found, (float) part * largest, what);
    }
}

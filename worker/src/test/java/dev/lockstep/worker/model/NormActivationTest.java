package dev.lockstep.worker.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.worker.kernel.Kernels;
import dev.lockstep.worker.libtorch.AutocastMode;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;
import dev.lockstep.worker.libtorch.AutocastMode.HalfType;
import dev.lockstep.worker.libtorch.Bfloat16Images;
import dev.lockstep.worker.libtorch.LibTorch;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** By kernels, which serve one thread, against libtorch's operators and autograd, which serve several. */
class NormActivationTest {
    private final GraphCuts cuts = new GraphCuts();
    private NDManager manager;
    private int threads;

    @BeforeEach
    void open() {
        manager = LibTorch.load().newBaseManager();
        JniUtils.setGradMode(true);
        JniUtils.setSeed(7);
        threads = JniUtils.getNumThreads();
    }

    @AfterEach
    void close() {
        JniUtils.setNumThreads(threads);
        manager.close();
    }

    @ParameterizedTest(name = "{0} images of {1} channels, {2} x {3}, squeezed {4}")
    @MethodSource("layers")
    void shouldFindWhatLibtorchFinds(int images, int channels, int height, int width, boolean squeezed) {
        Shape byPixel = new Shape(images, height, width, channels);
        PtNDArray input = JniUtils.permute((PtNDArray) manager.randomNormal(byPixel), Layer.TO_NCHW);
        PtNDArray gradient = JniUtils.permute((PtNDArray) manager.randomNormal(byPixel), Layer.TO_NCHW);
        NormActivation layer = layer(channels, squeezed);

        JniUtils.setNumThreads(2);
        Map<String, float[]> expected = run(layer, input, gradient);
        JniUtils.setNumThreads(1);
        assumeTrue(Kernels.fit(input), "no AVX-512 here");
        Map<String, float[]> found = run(layer, input, gradient);

        assertClose(expected, found, 1e-5f);
    }

    /** Libtorch's operators are further from float32 than that, but for the squeeze, whose convolutions are bfloat16's in both. */
    @ParameterizedTest(name = "{0} images of {1} channels, {2} x {3}, squeezed {4}")
    @MethodSource("layers")
    void shouldFindInBfloat16WhatLibtorchFindsInFloat32(
            int images, int channels, int height, int width, boolean squeezed) {
        Shape byPixel = new Shape(images, height, width, channels);
        PtNDArray input = Bfloat16Images.of(JniUtils.permute((PtNDArray) manager.randomNormal(byPixel), Layer.TO_NCHW));
        PtNDArray gradient =
                Bfloat16Images.of(JniUtils.permute((PtNDArray) manager.randomNormal(byPixel), Layer.TO_NCHW));
        NormActivation layer = layer(channels, squeezed);

        JniUtils.setNumThreads(2);
        Map<String, float[]> expected =
                run(layer, input.toType(DataType.FLOAT32, true), gradient.toType(DataType.FLOAT32, true));
        JniUtils.setNumThreads(1);
        assumeTrue(Kernels.fit(input), "no AVX-512 with bfloat16 here");
        Map<String, float[]> found =
                AutocastMode.with(DeviceType.CPU, HalfType.BFLOAT16, () -> run(layer, input, gradient));

        assertClose(expected, found, squeezed ? 0x1p-5f : 0x1p-8f);
    }

    private static void assertClose(Map<String, float[]> expected, Map<String, float[]> found, float part) {
        assertEquals(expected.keySet(), found.keySet());
        for (String name : expected.keySet()) {
            float largest = largest(expected.get(name));
            assertNotEquals(0, largest, name);
            assertArrayEquals(expected.get(name), found.get(name), part * largest, name);
        }
    }

    private static List<Arguments> layers() {
        return List.of(
                Arguments.of(2, 16, 8, 8, false),
                Arguments.of(3, 24, 7, 7, false),
                Arguments.of(2, 16, 8, 8, true),
                Arguments.of(3, 24, 7, 7, true),
                Arguments.of(4, 40, 28, 28, true),
                Arguments.of(1, 144, 6, 5, true));
    }

    private NormActivation layer(int channels, boolean squeezed) {
        EfficientNetVariant variant = EfficientNetVariant.named("efficientnet_b3");
        NormActivation layer = new NormActivation(
                new BatchNormalization("norm", channels, variant),
                squeezed ? new SqueezeExcitation("squeeze", channels, 4) : null,
                cuts);
        for (var named : layer.getParameters()) {
            Parameter parameter = named.getValue();
            float middle = named.getValue().getName().startsWith("norm") ? 1 : 0;
            parameter.setInitializer(
                    (owner, shape, type) -> owner.randomUniform(middle - 0.5f, middle + 0.5f, shape, type));
            parameter.initialize(manager, DataType.FLOAT32);
        }
        return layer;
    }

    private Map<String, float[]> run(NormActivation layer, PtNDArray input, PtNDArray gradient) {
        Map<String, float[]> found = new LinkedHashMap<>();
        for (var named : layer.getParameters()) {
            Parameter parameter = named.getValue();
            PtNDArray values = (PtNDArray) parameter.getArray();
            if (parameter.requiresGradient()) {
                values.setRequiresGradient(true);
                JniUtils.backward(JniUtils.sum(values), (PtNDArray) manager.ones(new Shape()), false, false);
                values.getGradient().muli(0);
            } else {
                values.muli(0).addi(1);
            }
        }
        PtNDArray leaf = JniUtils.detachGradient(input);
        leaf.setRequiresGradient(true);

        PtNDArray output = layer.apply(Twice.of(leaf), true);
        found.put("output", toFloats(output));
        // The kernels turn it into another in place.
        JniUtils.backward(output, (PtNDArray) gradient.duplicate(), false, false);
        cuts.continueBackward();

        found.put("gradient by the input", toFloats(leaf.getGradient()));
        for (var named : layer.getParameters()) {
            NDArray values = named.getValue().getArray();
            found.put(
                    named.getValue().getName(),
                    (named.getValue().requiresGradient() ? values.getGradient() : values).toFloatArray());
        }
        return found;
    }

    private static float[] toFloats(PtNDArray array) {
        return array.toType(DataType.FLOAT32, true).toFloatArray();
    }

    private static float largest(float[] values) {
        float largest = 0;
        for (float value : values) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest;
    }
}

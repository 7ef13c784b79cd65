package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class NormActivationTest {
    @AutoClose
    private final LayerComparison comparison = new LayerComparison();

    @ParameterizedTest(name = "{0} images of {1} channels, {2} x {3}, squeezed {4}")
    @MethodSource("layers")
    void shouldFindWhatLibtorchFinds(int images, int channels, int height, int width, boolean squeezed) {
        comparison.inFloat32(layer(channels, squeezed), new Shape(images, channels, height, width), 1e-5f);
    }

    /** The squeeze's convolutions are bfloat16's in both. */
    @ParameterizedTest(name = "{0} images of {1} channels, {2} x {3}, squeezed {4}")
    @MethodSource("layers")
    void shouldFindInBfloat16WhatLibtorchFindsInFloat32(
            int images, int channels, int height, int width, boolean squeezed) {
        comparison.inBfloat16(
                layer(channels, squeezed), new Shape(images, channels, height, width), squeezed ? 0x1p-5f : 0x1p-8f);
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
        return new NormActivation(
                new BatchNormalization("norm", channels, comparison.variant()),
                squeezed ? new SqueezeExcitation("squeeze", channels, 4) : null,
                comparison.cuts());
    }
}

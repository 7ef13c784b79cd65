package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NormActivationTest {
    private LayerComparison comparison;

    @BeforeEach
    void open() {
        comparison = new LayerComparison();
    }

    @AfterEach
    void close() {
        comparison.close();
    }

    @ParameterizedTest(name = "{0} images of {1} channels, {2} x {3}, squeezed {4}")
    @CsvSource({
        "2, 16, 8, 8, false",
        "3, 24, 7, 7, false",
        "2, 16, 8, 8, true",
        "3, 24, 7, 7, true",
        "4, 40, 28, 28, true",
        "1, 144, 6, 5, true"
    })
    void shouldFindWhatLibtorchFinds(int images, int channels, int height, int width, boolean squeezed) {
        comparison.inFloat32(layer(channels, squeezed), new Shape(images, channels, height, width), 1e-5f);
    }

    /** The squeeze's convolutions are bfloat16's in both. */
    @ParameterizedTest(name = "{0} images of {1} channels, {2} x {3}, squeezed {4}")
    @CsvSource({
        "2, 16, 8, 8, false",
        "3, 24, 7, 7, false",
        "2, 16, 8, 8, true",
        "3, 24, 7, 7, true",
        "4, 40, 28, 28, true",
        "1, 144, 6, 5, true"
    })
    void shouldFindInBfloat16WhatLibtorchFindsInFloat32(
            int images, int channels, int height, int width, boolean squeezed) {
        comparison.inBfloat16(
                layer(channels, squeezed), new Shape(images, channels, height, width), squeezed ? 0x1p-5f : 0x1p-8f);
    }

    private NormActivation layer(int channels, boolean squeezed) {
        return new NormActivation(
                new BatchNormalization("norm", channels, comparison.variant()),
                squeezed ? new SqueezeExcitation("squeeze", channels, 4) : null,
                comparison.cuts());
    }
}

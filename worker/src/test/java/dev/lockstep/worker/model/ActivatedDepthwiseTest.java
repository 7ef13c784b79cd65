package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Among the images are such as are one strip, several that fit into the window, and more; and rows that are wider than a strip should be. */
class ActivatedDepthwiseTest {
    private LayerComparison comparison;

    @BeforeEach
    void open() {
        comparison = new LayerComparison();
    }

    @AfterEach
    void close() {
        comparison.close();
    }

    @ParameterizedTest(name = "{0} images of {1} channels, {2} x {3}, kernel {4}, stride {5}")
    @CsvSource({
        "2, 16, 5, 7, 3, 1",
        "3, 24, 6, 6, 5, 2",
        "2, 40, 1, 3, 5, 1",
        "2, 816, 14, 14, 5, 1",
        "1, 144, 30, 112, 3, 2",
        "2, 144, 23, 112, 3, 1",
        "2, 192, 29, 56, 5, 2",
        "1, 192, 40, 56, 5, 1",
        "1, 1392, 9, 60, 5, 1",
        "2, 1392, 8, 49, 5, 2",
        "1, 1392, 7, 50, 3, 2"
    })
    void shouldFindWhatLibtorchFinds(int images, int channels, int height, int width, int kernel, int stride) {
        comparison.inFloat32(layer(channels, kernel, stride), new Shape(images, channels, height, width), 1e-5f);
    }

    @ParameterizedTest(name = "{0} images of {1} channels, {2} x {3}, kernel {4}, stride {5}")
    @CsvSource({
        "2, 16, 5, 7, 3, 1",
        "3, 24, 6, 6, 5, 2",
        "2, 816, 14, 14, 5, 1",
        "1, 144, 30, 112, 3, 2",
        "1, 192, 60, 56, 5, 1",
        "1, 1392, 9, 100, 5, 2"
    })
    void shouldFindInBfloat16WhatLibtorchFindsInFloat32(
            int images, int channels, int height, int width, int kernel, int stride) {
        comparison.inBfloat16(layer(channels, kernel, stride), new Shape(images, channels, height, width), 0x1p-6f);
    }

    private ActivatedDepthwise layer(int channels, int kernel, int stride) {
        return new ActivatedDepthwise(
                new BatchNormalization("norm", channels, comparison.variant()),
                new DepthwiseConvolution("depthwise", channels, kernel, stride, comparison.cuts()),
                comparison.cuts());
    }
}

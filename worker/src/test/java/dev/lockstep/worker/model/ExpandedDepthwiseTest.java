package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Among the images are such as are one strip, several that fit into the window, and more; and rows that are wider than a strip should be. From up to
 * 48 channels the expansion is by kernels, too.
 */
class ExpandedDepthwiseTest {
    @AutoClose
    private final LayerComparison comparison = new LayerComparison();

    @ParameterizedTest(name = "{0} images of {1} to {2} channels, {3} x {4}, kernel {5}, stride {6}")
    @CsvSource({
        "2, 4, 16, 5, 7, 3, 1",
        "3, 7, 24, 6, 6, 5, 2",
        "2, 10, 40, 1, 3, 5, 1",
        "2, 136, 816, 14, 14, 5, 1",
        "2, 24, 144, 30, 112, 3, 2",
        "2, 24, 144, 23, 112, 3, 1",
        "2, 32, 192, 29, 56, 5, 2",
        "1, 32, 192, 40, 56, 5, 1",
        "2, 48, 288, 28, 28, 5, 1",
        "1, 49, 1392, 9, 60, 5, 1",
        "2, 8, 1392, 8, 49, 5, 2",
        "1, 60, 1392, 7, 50, 3, 2"
    })
    void shouldFindWhatLibtorchFinds(
            int images, int inputs, int channels, int height, int width, int kernel, int stride) {
        comparison.inFloat32(layer(inputs, channels, kernel, stride), new Shape(images, inputs, height, width), 1e-5f);
    }

    /** The expansion is bfloat16's in both. */
    @ParameterizedTest(name = "{0} images of {1} to {2} channels, {3} x {4}, kernel {5}, stride {6}")
    @CsvSource({
        "2, 4, 16, 5, 7, 3, 1",
        "3, 7, 24, 6, 6, 5, 2",
        "2, 136, 816, 14, 14, 5, 1",
        "1, 24, 144, 30, 112, 3, 2",
        "1, 32, 192, 60, 56, 5, 1",
        "1, 16, 1392, 9, 100, 5, 2"
    })
    void shouldFindInBfloat16WhatLibtorchFindsInFloat32(
            int images, int inputs, int channels, int height, int width, int kernel, int stride) {
        comparison.inBfloat16(
                layer(inputs, channels, kernel, stride), new Shape(images, inputs, height, width), 0x1p-5f);
    }

    private ExpandedDepthwise layer(int inputs, int channels, int kernel, int stride) {
        return new ExpandedDepthwise(
                new Convolution("expansion", inputs, channels, 1, 1, 1, false),
                new BatchNormalization("norm", channels, comparison.variant()),
                new DepthwiseConvolution("depthwise", channels, kernel, stride, comparison.cuts()),
                comparison.cuts());
    }
}

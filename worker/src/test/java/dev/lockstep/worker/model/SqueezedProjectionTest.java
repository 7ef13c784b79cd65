package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Among the images are such as are one strip and several, whole and not. To up to 48 channels the projection is by kernels, too. */
class SqueezedProjectionTest {
    @AutoClose
    private final LayerComparison comparison = new LayerComparison();

    @ParameterizedTest(name = "{0} images of {1} to {2} channels, {3} x {4}")
    @CsvSource({
        "2, 16, 4, 5, 7",
        "3, 24, 24, 6, 6",
        "2, 40, 24, 30, 56",
        "2, 10, 7, 1, 3",
        "3, 144, 32, 20, 28",
        "2, 192, 48, 13, 17",
        "1, 288, 48, 28, 28",
        "2, 70, 49, 9, 8",
        "2, 816, 8, 7, 7",
        "2, 16, 24, 7, 7"
    })
    void shouldFindWhatLibtorchFinds(int images, int channels, int outputs, int height, int width) {
        comparison.inFloat32(layer(channels, outputs), new Shape(images, channels, height, width), 1e-5f);
    }

    /** The convolutions are bfloat16's in both. */
    @ParameterizedTest(name = "{0} images of {1} to {2} channels, {3} x {4}")
    @CsvSource({"2, 16, 4, 5, 7", "3, 144, 32, 20, 28", "2, 70, 49, 9, 8"})
    void shouldFindInBfloat16WhatLibtorchFindsInFloat32(int images, int channels, int outputs, int height, int width) {
        comparison.inBfloat16(layer(channels, outputs), new Shape(images, channels, height, width), 0x1p-5f);
    }

    private SqueezedProjection layer(int channels, int outputs) {
        return new SqueezedProjection(
                new BatchNormalization("norm", channels, comparison.variant()),
                new SqueezeExcitation("squeeze", channels, 4),
                new Convolution("projection", channels, outputs, 1, 1, 1, false),
                new ResidualNorm(
                        new BatchNormalization("norm.end", outputs, comparison.variant()), 0, comparison.cuts()),
                comparison.cuts());
    }
}

package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** With and without expansion, residual and dropped samples; up to 48 channels kernels do the projection, too. */
class InvertedBottleneckTest {
    @AutoClose
    private final LayerComparison comparison = new LayerComparison();

    @ParameterizedTest(name = "{0} images of {1} to {2} channels, {3} x {4}, every {5}, dropped by {6}")
    @CsvSource({
        "2, 8, 8, 12, 10, 1, 0",
        "5, 8, 8, 12, 10, 1, 0.4",
        "3, 24, 24, 30, 28, 1, 0.2",
        "3, 24, 40, 9, 7, 1, 0.2",
        "3, 24, 24, 9, 7, 2, 0.2",
        "2, 60, 60, 7, 9, 1, 0",
        "6, 60, 60, 7, 9, 1, 0.5",
        "2, 16, 52, 11, 5, 2, 0"
    })
    void shouldFindWhatLibtorchFinds(
            int images, int inputs, int outputs, int height, int width, int stride, double dropped) {
        comparison.inFloat32(
                layer(inputs, outputs, stride, dropped, 6), new Shape(images, inputs, height, width), 2e-5f);
    }

    @ParameterizedTest(name = "{0} images of {1} to {2} channels, dropped by {3}")
    @CsvSource({"2, 40, 24, 0", "2, 24, 24, 0.3", "2, 52, 52, 0"})
    void shouldFindItWithoutExpansion(int images, int inputs, int outputs, double dropped) {
        comparison.inFloat32(layer(inputs, outputs, 1, dropped, 1), new Shape(images, inputs, 13, 11), 2e-5f);
    }

    @ParameterizedTest(name = "{0} images of {1} to {2} channels, dropped by {3}")
    @CsvSource({"2, 24, 24, 0", "5, 24, 24, 0.4", "3, 60, 60, 0.2", "2, 24, 40, 0"})
    void shouldFindInBfloat16WhatLibtorchFindsInFloat32(int images, int inputs, int outputs, double dropped) {
        comparison.inBfloat16(layer(inputs, outputs, 1, dropped, 6), new Shape(images, inputs, 12, 10), 0x1p-4f);
    }

    private InvertedBottleneck layer(int inputs, int outputs, int stride, double dropped, int expandRatio) {
        return new InvertedBottleneck(
                "block",
                comparison.variant(),
                new Stage(expandRatio, 3, stride, inputs, outputs, 1),
                inputs,
                outputs,
                stride,
                dropped,
                comparison.cuts());
    }
}

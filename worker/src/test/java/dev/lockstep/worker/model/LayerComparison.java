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
import java.util.Map;

/** A layer by kernels, which serve one thread, against the same by libtorch's operators and autograd, which serve several. */
final class LayerComparison implements AutoCloseable {
    private final GraphCuts cuts = new GraphCuts();
    private final NDManager manager = LibTorch.load().newBaseManager();
    private final int threads = JniUtils.getNumThreads();

    LayerComparison() {
        JniUtils.setGradMode(true);
        JniUtils.setSeed(7);
    }

    /** For the layer's constructor. */
    EfficientNetVariant variant() {
        return EfficientNetVariant.named("efficientnet_b3");
    }

    GraphCuts cuts() {
        return cuts;
    }

    /**
     * All that a step finds is the same.
     *
     * @param input shape [N, C, H, W] of the input
     * @param part of the largest number, how far off one may be
     */
    void inFloat32(Layer layer, Shape input, float part) {
        initialize(layer);
        PtNDArray images = random(input);
        PtNDArray gradient = random(layer.outputShape(input));

        JniUtils.setNumThreads(2);
        Map<String, float[]> expected = run(layer, images, gradient);
        JniUtils.setNumThreads(1);
        assumeTrue(Kernels.fit(images), "no AVX-512 here");
        assertClose(expected, run(layer, images, gradient), part);
    }

    /** In bfloat16, what libtorch finds in float32 from the same numbers: its operators for bfloat16 are further from that. */
    void inBfloat16(Layer layer, Shape input, float part) {
        initialize(layer);
        PtNDArray images = Bfloat16Images.of(random(input));
        PtNDArray gradient = Bfloat16Images.of(random(layer.outputShape(input)));

        JniUtils.setNumThreads(2);
        Map<String, float[]> expected =
                run(layer, images.toType(DataType.FLOAT32, true), gradient.toType(DataType.FLOAT32, true));
        JniUtils.setNumThreads(1);
        assumeTrue(Kernels.fit(images), "no AVX-512 with bfloat16 here");
        assertClose(
                expected,
                AutocastMode.with(DeviceType.CPU, HalfType.BFLOAT16, () -> run(layer, images, gradient)),
                part);
    }

    private PtNDArray random(Shape shape) {
        Shape byPixel = new Shape(shape.get(0), shape.get(2), shape.get(3), shape.get(1));
        return JniUtils.permute((PtNDArray) manager.randomNormal(byPixel), Layer.TO_NCHW);
    }

    private void initialize(Layer layer) {
        for (var named : layer.getParameters()) {
            Parameter parameter = named.getValue();
            float middle = parameter.getType() == Parameter.Type.GAMMA ? 1 : 0;
            parameter.setInitializer(
                    (owner, shape, type) -> owner.randomUniform(middle - 0.5f, middle + 0.5f, shape, type));
            parameter.initialize(manager, DataType.FLOAT32);
        }
    }

    private Map<String, float[]> run(Layer layer, PtNDArray input, PtNDArray gradient) {
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
        JniUtils.setSeed(7);
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

    private static void assertClose(Map<String, float[]> expected, Map<String, float[]> found, float part) {
        assertEquals(expected.keySet(), found.keySet());
        for (String name : expected.keySet()) {
            float largest = largest(expected.get(name));
            assertNotEquals(0, largest, name);
            assertArrayEquals(expected.get(name), found.get(name), part * largest, name);
        }
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

    @Override
    public void close() {
        JniUtils.setNumThreads(threads);
        manager.close();
    }
}

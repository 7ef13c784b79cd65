package dev.lockstep.worker.precision;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.worker.libtorch.AutocastMode;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;
import dev.lockstep.worker.libtorch.AutocastMode.HalfType;
import dev.lockstep.worker.libtorch.LibTorch;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ArithmeticTest {
    private static final float COARSE = 1 + 0x1p-9f;
    private static final float FINE = 1 + 0x1p-12f;

    private NDManager manager;

    @BeforeEach
    void open() {
        manager = LibTorch.load().newBaseManager();
        JniUtils.setGradMode(true);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void shouldComputeInTheTypeOfThePrecision() {
        check(Precision.FP32, null, COARSE, FINE);
        check(Precision.FP32_STRICT, null, COARSE, FINE);
        check(Precision.AMP, HalfType.BFLOAT16, 1, 1);
        check(Precision.AMP_BF16, HalfType.BFLOAT16, 1, 1);
        check(Precision.AMP_FP16, HalfType.FLOAT16, COARSE, 1);
    }

    private void check(Precision precision, HalfType half, float coarse, float fine) {
        int handles = manager.getManagedArrays().size();
        Arithmetic arithmetic = Arithmetic.of(precision, DeviceType.CPU, manager);
        assertEquals(handles, manager.getManagedArrays().size(), "the proof must let go of what it made");
        PtNDArray weight = (PtNDArray) manager.ones(new Shape(1, 1));
        weight.setRequiresGradient(true);

        NDArray output = arithmetic.forward(
                input -> JniUtils.linear((PtNDArray) input, weight, null),
                manager.create(new float[] {COARSE, FINE}, new Shape(2, 1)));
        JniUtils.backward((PtNDArray) output, (PtNDArray) manager.ones(output.getShape()), false, false);

        assertEquals(Optional.ofNullable(half), arithmetic.half());
        assertEquals(half == HalfType.FLOAT16, arithmetic.needsLossScaling());
        assertEquals(DataType.FLOAT32, output.getDataType());
        assertArrayEquals(new float[] {coarse, fine}, output.toFloatArray(), precision.label());
        assertEquals(DataType.FLOAT32, weight.getGradient().getDataType());
        assertEquals(2, weight.getGradient().toFloatArray()[0], 0.01);
        assertFalse(AutocastMode.isOn(DeviceType.CPU));
    }

    @Test
    void shouldMeanHalfPrecisionWithAScalerByAmpOnAGpu() {
        // What libtorch keeps for CUDA has no part in what the CPU computes, so that the proof fails.
        Exception e = assertThrows(Exception.class, () -> Arithmetic.of(Precision.AMP, DeviceType.CUDA, manager));

        String text = e.getMessage();
        assertEquals(
                "the precision 'amp' cannot be had: libtorch's autocast to float16 does not work on this machine"
                        + " (a convolution made [1.0019531, 1.0002441] of [1.0019531, 1.0002441], not [1.0019531, 1.0]);"
                        + " use fp32",
                text);
        assertFalse(AutocastMode.isOn(DeviceType.CUDA));
    }

    @Test
    void shouldNotKeepACastParameterBeyondTheForwardPass() {
        Arithmetic arithmetic = Arithmetic.of(Precision.AMP_BF16, DeviceType.CPU, manager);
        PtNDArray weight = (PtNDArray) manager.ones(new Shape(1, 1));
        weight.setRequiresGradient(true);
        NDArray input = manager.ones(new Shape(1, 1));

        float before = linear(arithmetic, input, weight);
        try (NDArray view = manager.create(weight.toByteBuffer(true), new Shape(1, 1), DataType.FLOAT32)) {
            view.addi(2);
        }
        float after = linear(arithmetic, input, weight);

        assertEquals(1f, before);
        assertEquals(3f, after);
    }

    private static float linear(Arithmetic arithmetic, NDArray input, PtNDArray weight) {
        return arithmetic.forward(array -> JniUtils.linear((PtNDArray) array, weight, null), input)
                .toFloatArray()[0];
    }

    @Test
    void shouldSwitchOffWhenTheModelFails() {
        Arithmetic arithmetic = Arithmetic.of(Precision.AMP_BF16, DeviceType.CPU, manager);
        NDArray input = manager.ones(new Shape(1));

        assertThrows(
                ArithmeticException.class,
                () -> arithmetic.forward(
                        array -> {
                            throw new ArithmeticException();
                        },
                        input));

        assertFalse(AutocastMode.isOn(DeviceType.CPU));
    }
}

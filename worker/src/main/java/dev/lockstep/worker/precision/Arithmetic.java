package dev.lockstep.worker.precision;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.worker.libtorch.AutocastMode;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;
import dev.lockstep.worker.libtorch.AutocastMode.HalfType;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** The types that a replica's forward pass computes in. Backward follows by itself; parameters and gradients stay float32. */
public final class Arithmetic {
    /** Float32 throughout. */
    public static final Arithmetic FULL = new Arithmetic(DeviceType.CPU, null);

    /** The first is lost in bfloat16 alone, the second in float16 too. */
    private static final float[] PROBES = {1 + 0x1p-9f, 1 + 0x1p-12f};

    private static final Shape ONE = new Shape(1, 1);

    private final DeviceType device;
    /** Null in full precision. */
    private final HalfType half;

    private Arithmetic(DeviceType device, HalfType half) {
        this.device = device;
        this.half = half;
    }

    /**
     * What a precision means on a device; mixed precision is proved on a convolution.
     *
     * @param manager holds what the proof makes, for as long as it takes
     * @throws LockstepException if autocast cannot be had: there is no falling back to float32
     */
    public static Arithmetic of(Precision precision, DeviceType device, NDManager manager) {
        Arithmetic arithmetic = new Arithmetic(device, halfType(precision, device));
        if (arithmetic.half != null) {
            arithmetic.prove(precision, manager);
        }
        return arithmetic;
    }

    private static HalfType halfType(Precision precision, DeviceType device) {
        return switch (precision) {
            case FP32, FP32_STRICT -> null;
            case AMP -> device == DeviceType.CPU ? HalfType.BFLOAT16 : HalfType.FLOAT16;
            case AMP_FP16 -> HalfType.FLOAT16;
            case AMP_BF16 -> HalfType.BFLOAT16;
        };
    }

    /** What autocast casts to; empty in full precision. */
    public Optional<HalfType> half() {
        return Optional.ofNullable(half);
    }

    /** Whether small gradients would vanish without a scaled loss: float16 has their precision but not their range. */
    public boolean needsLossScaling() {
        return half == HalfType.FLOAT16;
    }

    /**
     * Runs a model's forward pass in this arithmetic.
     *
     * @return its output as float32; gradients flow back through the cast
     */
    public NDArray forward(UnaryOperator<NDArray> model, NDArray input) {
        if (half == null) {
            return model.apply(input);
        }
        try (NDArray output = AutocastMode.with(device, half, () -> model.apply(input))) {
            return toFloat32(output);
        }
    }

    /** The cast of DJL's own breaks the graph; adding zeros of float32, which the result takes its type from, does not. */
    private static NDArray toFloat32(NDArray array) {
        try (NDArray zeros = array.getManager().zeros(new Shape(1), DataType.FLOAT32)) {
            return JniUtils.add((PtNDArray) array, (PtNDArray) zeros);
        }
    }

    private void prove(Precision precision, NDManager parent) {
        try (NDManager manager = parent.newSubManager()) {
            PtNDArray weight = (PtNDArray) manager.ones(new Shape(1, 1, 1, 1));
            weight.setRequiresGradient(true);
            NDArray output = forward(
                    input -> JniUtils.convolution((PtNDArray) input, weight, null, ONE, new Shape(0, 0), ONE, 1),
                    manager.create(PROBES, new Shape(PROBES.length, 1, 1, 1)));
            JniUtils.backward((PtNDArray) output, (PtNDArray) manager.ones(output.getShape()), false, false);
            checkProof(precision, output, weight.getGradient());
        } catch (EngineException | UnsatisfiedLinkError e) {
            throw unavailable(
                    precision,
                    String.valueOf(e.getMessage()).lines().findFirst().orElse(""),
                    e);
        }
    }

    /** A product with 1 shows what the factors were rounded to. */
    private void checkProof(Precision precision, NDArray output, NDArray gradient) {
        float[] expected = {half == HalfType.BFLOAT16 ? 1 : PROBES[0], 1};
        float[] got = output.toFloatArray();
        if (!Arrays.equals(expected, got)) {
            throw unavailable(
                    precision,
                    "a convolution made " + Arrays.toString(got) + " of " + Arrays.toString(PROBES) + ", not "
                            + Arrays.toString(expected),
                    null);
        }
        if (gradient.getDataType() != DataType.FLOAT32) {
            throw unavailable(precision, "gradients come out as " + gradient.getDataType(), null);
        }
    }

    private LockstepException unavailable(Precision precision, String reason, Throwable cause) {
        return new LockstepException(
                FailureCategory.ENVIRONMENT,
                "the precision '" + precision.label() + "' cannot be had: libtorch's autocast to " + half.label()
                        + " does not work on this machine (" + reason + "); use fp32",
                cause);
    }
}

package dev.lockstep.worker.libtorch;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.util.Map;

/**
 * The gradients of a depthwise convolution without dilation, apart from autograd: {@code torch.nn.grad.conv2d_input} and {@code
 * conv2d_weight}. By the calling convention of x86-64 alone.
 */
public final class ConvolutionGradients {
    static final Map<String, String> SYMBOLS = Map.of(
            "convolutionBackward",
            "_ZN2at25compositeexplicitautograd20convolution_backwardERKNS_6TensorES3_S3_N3c1016OptionalArrayRefIlEENS4_8ArrayRefIlEES8_S8_bS8_lSt5arrayIbLm3EE");

    /**
     * One of the three results.
     *
     * @param mask the bytes of a {@code std::array<bool, 3>} that asks for it alone
     * @param index where it lies: libstdc++ lays a {@code std::tuple} out from its last element to its first
     */
    private record Result(long mask, int index) {
        static final Result INPUT = new Result(0x000001, 2);
        static final Result WEIGHT = new Result(0x000100, 1);
    }

    private static final int RESULT_TENSORS = 3;

    private static final int DIMENSIONS = 2;

    private ConvolutionGradients() {}

    private static final class Functions {
        static {
            TorchSymbols.register(Functions.class, SYMBOLS);
        }

        private Functions() {}

        /** Its call makes the block above run. */
        static void link() {}

        /**
         * The C++ function's arguments as they lie in registers and on the stack: {@code biasSizes}, an {@code OptionalArrayRef}, is
         * passed in memory, so that the strides, an {@code ArrayRef}, take the last two registers before it.
         */
        static native long convolutionBackward(
                long results,
                long outputGradient,
                long input,
                long weight,
                long strides,
                long strideCount,
                long biasSizes,
                long biasSizeCount,
                long hasBiasSizes,
                long padding,
                long paddingCount,
                long dilation,
                long dilationCount,
                long transposed,
                long outputPadding,
                long outputPaddingCount,
                long groups,
                long outputMask);
    }

    /** Whether this platform has the calling convention. */
    public static boolean areAvailable() {
        return LibTorch.RETURNS_TENSORS;
    }

    /** Looks the functions up; an {@link UnsatisfiedLinkError} names what is missing. */
    static void link() {
        Functions.link();
    }

    /**
     * The gradient by the weight.
     *
     * @param outputGradient [N, C, OH, OW]
     * @param input [N, C, H, W], of the gradient's type
     * @param kernel height and width of the weight
     * @param stride by height and width
     * @param padding above and below, left and right
     * @return [C, 1, KH, KW], of the gradient's type, attached to the gradient's manager
     */
    public static PtNDArray depthwiseWeight(
            PtNDArray outputGradient, PtNDArray input, Shape kernel, Shape stride, Shape padding) {
        try (PtNDArray weight = weightLike(outputGradient, input.getShape().get(1), kernel)) {
            return call(outputGradient, input, weight, stride, padding, Result.WEIGHT);
        }
    }

    /**
     * The gradient by the input.
     *
     * @param outputGradient [N, C, OH, OW]
     * @param input [N, C, H, W], of the gradient's type
     * @param weight [C, 1, KH, KW], of the gradient's type
     * @param stride by height and width
     * @param padding above and below, left and right
     * @return [N, C, H, W], of the gradient's type, attached to the gradient's manager
     */
    public static PtNDArray depthwiseInput(
            PtNDArray outputGradient, PtNDArray input, PtNDArray weight, Shape stride, Shape padding) {
        return call(outputGradient, input, weight, stride, padding, Result.INPUT);
    }

    private static PtNDArray call(
            PtNDArray outputGradient, PtNDArray input, PtNDArray weight, Shape stride, Shape padding, Result result) {
        check(outputGradient, input, weight, stride, padding);
        try (Memory results = new Memory((long) RESULT_TENSORS * Long.BYTES);
                Memory strides = pair(stride);
                Memory paddings = pair(padding);
                Memory ones = pair(new Shape(1, 1));
                Memory zeros = pair(new Shape(0, 0))) {
            Functions.convolutionBackward(
                    Pointer.nativeValue(results),
                    outputGradient.getHandle(),
                    input.getHandle(),
                    weight.getHandle(),
                    Pointer.nativeValue(strides),
                    DIMENSIONS,
                    0,
                    0,
                    0,
                    Pointer.nativeValue(paddings),
                    DIMENSIONS,
                    Pointer.nativeValue(ones),
                    DIMENSIONS,
                    0,
                    Pointer.nativeValue(zeros),
                    DIMENSIONS,
                    input.getShape().get(1),
                    result.mask);
            // The two tensors that were not asked for are undefined and own nothing.
            long handle = Native.malloc(Long.BYTES);
            new Pointer(handle).setLong(0, results.getLong((long) result.index * Long.BYTES));
            return new PtNDArray(outputGradient.getManager(), handle);
        }
    }

    /** Some tensor of the weight's shape and the gradient's type, of which the function reads nothing else. */
    private static PtNDArray weightLike(PtNDArray outputGradient, long channels, Shape kernel) {
        try (PtNDArray image = JniUtils.slice(outputGradient, 0, 0, 1, 1);
                PtNDArray channel = JniUtils.slice(image, 1, 0, 1, 1);
                PtNDArray row = JniUtils.slice(channel, 2, 0, 1, 1);
                PtNDArray one = JniUtils.slice(row, 3, 0, 1, 1)) {
            return JniUtils.pad(one, new long[] {0, kernel.get(1) - 1, 0, kernel.get(0) - 1, 0, 0, 0, channels - 1}, 0);
        }
    }

    private static Memory pair(Shape shape) {
        Memory memory = new Memory((long) DIMENSIONS * Long.BYTES);
        memory.setLong(0, shape.get(0));
        memory.setLong(Long.BYTES, shape.get(1));
        return memory;
    }

    /** An argument error in C++ would end the process. */
    private static void check(
            PtNDArray outputGradient, PtNDArray input, PtNDArray weight, Shape stride, Shape padding) {
        Shape in = input.getShape();
        Shape filter = weight.getShape();
        boolean fits = in.dimension() == 2 + DIMENSIONS
                && filter.dimension() == 2 + DIMENSIONS
                && filter.get(0) == in.get(1)
                && filter.get(1) == 1
                && stride.get(0) > 0
                && stride.get(1) > 0
                && outputGradient
                        .getShape()
                        .equals(new Shape(
                                in.get(0),
                                in.get(1),
                                outputs(in, filter, stride, padding, 0),
                                outputs(in, filter, stride, padding, 1)))
                && input.getDataType() == outputGradient.getDataType()
                && weight.getDataType() == outputGradient.getDataType();
        if (!fits) {
            throw new IllegalArgumentException("no gradient of a depthwise convolution by %s %s: %s %s of %s %s"
                    .formatted(
                            weight.getDataType(),
                            filter,
                            outputGradient.getDataType(),
                            outputGradient.getShape(),
                            input.getDataType(),
                            in));
        }
    }

    private static long outputs(Shape input, Shape weight, Shape stride, Shape padding, int axis) {
        int i = 2 + axis;
        return (input.get(i) + 2 * padding.get(axis) - weight.get(i)) / stride.get(axis) + 1;
    }
}

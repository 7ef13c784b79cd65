package dev.lockstep.worker.libtorch;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.util.Map;

/**
 * The gradient of a depthwise convolution by its weight, apart from autograd: {@code torch.nn.grad.conv2d_weight}. By the calling
 * convention of x86-64 alone.
 */
public final class ConvolutionGradients {
    static final Map<String, String> SYMBOLS = Map.of(
            "convolutionBackward",
            "_ZN2at25compositeexplicitautograd20convolution_backwardERKNS_6TensorES3_S3_N3c1016OptionalArrayRefIlEENS4_8ArrayRefIlEES8_S8_bS8_lSt5arrayIbLm3EE",
            "retainGradient",
            "_ZN2at4_ops11retain_grad4callERNS_6TensorE",
            "isLeaf",
            "_ZN2at4_ops7is_leaf4callERKNS_6TensorE");

    /** Of the three results the second: by the weight. The bytes of a {@code std::array<bool, 3>}. */
    private static final long WEIGHT_ALONE = 0x000100;

    private static final int RESULT_TENSORS = 3;
    /** libstdc++ lays a {@code std::tuple} out from its last element to its first; the one in the middle stays there. */
    private static final int WEIGHT_RESULT = 1;

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

        static native void retainGradient(long tensor);

        // A C++ bool is one byte; the rest of the register is anything.
        static native byte isLeaf(long tensor);
    }

    /** Whether this platform has the calling convention. */
    public static boolean areAvailable() {
        return LibTorch.RETURNS_TENSORS;
    }

    /** Looks the functions up; an {@link UnsatisfiedLinkError} names what is missing. */
    static void link() {
        Functions.link();
    }

    /** Whether an operator that autograd recorded made the array; {@link PtNDArray#hasGradient} knows of leaves alone. */
    public static boolean hasHistory(PtNDArray array) {
        return Functions.isLeaf(array.getHandle()) == 0;
    }

    /** Has backward leave a copy of the gradient of an array that is no leaf where {@link PtNDArray#getGradient} finds it. */
    public static void retainGradient(PtNDArray array) {
        if (!hasHistory(array)) {
            throw new IllegalArgumentException("an array without history has no gradient to retain");
        }
        Functions.retainGradient(array.getHandle());
    }

    /**
     * The gradient of a depthwise convolution without dilation by its weight.
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
        check(outputGradient, input, kernel, stride, padding);
        long channels = input.getShape().get(1);
        try (PtNDArray weight = weightLike(outputGradient, channels, kernel);
                Memory results = new Memory((long) RESULT_TENSORS * Long.BYTES);
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
                    channels,
                    WEIGHT_ALONE);
            // The two tensors that were not asked for are undefined and own nothing.
            long handle = Native.malloc(Long.BYTES);
            new Pointer(handle).setLong(0, results.getLong((long) WEIGHT_RESULT * Long.BYTES));
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
    private static void check(PtNDArray outputGradient, PtNDArray input, Shape kernel, Shape stride, Shape padding) {
        Shape in = input.getShape();
        boolean fits = in.dimension() == 2 + DIMENSIONS
                && stride.get(0) > 0
                && stride.get(1) > 0
                && outputGradient
                        .getShape()
                        .equals(new Shape(
                                in.get(0),
                                in.get(1),
                                outputs(in, kernel, stride, padding, 0),
                                outputs(in, kernel, stride, padding, 1)))
                && input.getDataType() == outputGradient.getDataType();
        if (!fits) {
            throw new IllegalArgumentException(
                    "no gradient of a depthwise convolution by " + kernel + ": " + outputGradient.getDataType() + " "
                            + outputGradient.getShape() + " of " + input.getDataType() + " " + in);
        }
    }

    private static long outputs(Shape input, Shape kernel, Shape stride, Shape padding, int axis) {
        return (input.get(2 + axis) + 2 * padding.get(axis) - kernel.get(axis)) / stride.get(axis) + 1;
    }
}

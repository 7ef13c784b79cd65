package dev.lockstep.worker.libtorch;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.pytorch.jni.LibUtils;
import com.sun.jna.Native;
import com.sun.jna.Platform;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.util.Map;

/**
 * libtorch's own operators where DJL has none or only slower ones. Gradients flow through them as through DJL's.
 *
 * <p>A C++ exception cannot cross into Java and ends the process, so arguments are checked here.
 *
 * <p>An operator that returns a tensor takes, as its first argument, the address it writes the tensor to. That is the calling
 * convention of x86-64 alone; elsewhere those operators are composed of DJL's.
 */
public final class LibTorch {
    static final String ENGINE = "PyTorch";
    /** Bytes of an {@code at::Tensor}: one pointer. */
    private static final int TENSOR_BYTES = Long.BYTES;
    /** {@code c10::ScalarType} */
    private static final int BFLOAT16 = 15;

    /** Method of {@link Operators} to symbol of libtorch_cpu. */
    static final Map<String, String> SYMBOLS = Map.ofEntries(
            Map.entry("silu", "_ZN2at4_ops4silu4callERKNS_6TensorE"),
            Map.entry("featureDropout", "_ZN2at4_ops15feature_dropout4callERKNS_6TensorEdb"),
            Map.entry("zeroInPlace", "_ZN2at4_ops5zero_4callERNS_6TensorE"),
            Map.entry("isLeaf", "_ZN2at4_ops7is_leaf4callERKNS_6TensorE"),
            Map.entry("setData", "_ZNK2at10TensorBase8set_dataERKS0_"),
            Map.entry("copyInPlace", "_ZN2at4_ops5copy_4callERNS_6TensorERKS2_b"),
            Map.entry("floatData", "_ZNK2at10TensorBase8data_ptrIfEEPT_v"),
            Map.entry("longData", "_ZNK2at10TensorBase8data_ptrIlEEPT_v"),
            Map.entry("bfloat16Data", "_ZNK2at10TensorBase8data_ptrIN3c108BFloat16EEEPT_v"),
            Map.entry("commonType", "_ZN2at4_ops18result_type_Tensor4callERKNS_6TensorES4_"),
            Map.entry(
                    "emptyLike",
                    "_ZN2at4_ops10empty_like4callERKNS_6TensorESt8optionalIN3c1010ScalarTypeEES5_INS6_6LayoutEES5_INS6_6DeviceEES5_IbES5_INS6_12MemoryFormatEE"),
            Map.entry("stride", "_ZN2at4_ops10stride_int4callERKNS_6TensorEl"));

    /** Whether this platform passes results as described above. */
    static final boolean RETURNS_TENSORS = Platform.is64Bit() && Platform.isIntel() && !Platform.isWindows();

    private LibTorch() {}

    /** The operators as C functions: tensors are the addresses of their handles. */
    private static final class Operators {
        static {
            TorchSymbols.register(Operators.class, SYMBOLS);
        }

        private Operators() {}

        static native long silu(long result, long self);

        static native long featureDropout(long result, long self, double probability, int training);

        static native long zeroInPlace(long self);

        // A C++ bool is one byte; the rest of the register is anything.
        static native byte isLeaf(long self);

        static native void setData(long self, long other);

        static native long copyInPlace(long self, long source, int nonBlocking);

        static native long floatData(long self);

        static native long longData(long self);

        static native long bfloat16Data(long self);

        /** The type of both, or what they are promoted to. */
        static native byte commonType(long self, long other);

        /** The optional arguments are small enough for a register each; zero is none. */
        static native long emptyLike(
                long result, long self, long type, long layout, long device, long pinned, long memoryFormat);

        static native long stride(long self, long axis);
    }

    /**
     * Loads the engine, looks up every operator used and proves one.
     *
     * @throws LockstepException if this libtorch lacks one or computes something else
     */
    public static Engine load() {
        Engine engine = Engine.getEngine(ENGINE);
        try (var manager = engine.newBaseManager(Device.cpu());
                PtNDArray input = (PtNDArray) manager.create(new float[] {-1.5f, 0.25f, 3f});
                PtNDArray output = silu(input)) {
            float[] inputs = input.toFloatArray();
            float[] outputs = output.toFloatArray();
            for (int i = 0; i < inputs.length; i++) {
                double expected = inputs[i] / (1 + Math.exp(-inputs[i]));
                if (Math.abs(outputs[i] - expected) > 1e-6) {
                    throw unusable("its silu(" + inputs[i] + ") is " + outputs[i], null);
                }
            }
            zero(input);
            FusedKernels.link();
            ConvolutionGradients.link();
        } catch (UnsatisfiedLinkError e) {
            throw unusable(e.getMessage(), e);
        }
        return engine;
    }

    static LockstepException unusable(String reason, Throwable cause) {
        return new LockstepException(
                FailureCategory.ENVIRONMENT,
                "the libtorch in " + LibUtils.getLibtorchPath() + " is not the one Lockstep was built for: " + reason,
                cause);
    }

    /** {@code torch.nn.functional.silu}: x * sigmoid(x) in one kernel, which saves x alone for the way back. */
    public static PtNDArray silu(PtNDArray input) {
        if (RETURNS_TENSORS) {
            reserve(input, 0);
            long result = Native.malloc(TENSOR_BYTES);
            Operators.silu(result, input.getHandle());
            return new PtNDArray(input.getManager(), result);
        }
        try (PtNDArray sigmoid = JniUtils.sigmoid(input)) {
            return JniUtils.mul(input, sigmoid);
        }
    }

    /**
     * torchvision's {@code stochastic_depth} in row mode: drops whole samples and scales the others by 1 / (1 - probability).
     * Keeps the input's type, whatever it is.
     *
     * @param input [N, C, H, W]
     */
    public static PtNDArray dropSamples(PtNDArray input, double probability) {
        checkProbability(probability);
        if (RETURNS_TENSORS) {
            // Feature dropout draws one number for each pair of the first two axes: [1, N] here.
            try (PtNDArray rows = JniUtils.unsqueeze(input, 0)) {
                reserve(input, input.getShape().get(0));
                long result = Native.malloc(TENSOR_BYTES);
                Operators.featureDropout(result, rows.getHandle(), probability, 1);
                try (PtNDArray dropped = new PtNDArray(input.getManager(), result)) {
                    return JniUtils.squeeze(dropped, 0);
                }
            }
        }
        try (PtNDArray ones = (PtNDArray)
                        input.getManager().ones(new Shape(input.getShape().get(0), 1, 1, 1));
                PtNDArray noise = JniUtils.dropout(ones, probability, true)) {
            return JniUtils.mul(input, noise);
        }
    }

    /**
     * An operator that finds no memory throws. On a GPU memory runs out as a matter of course, so there DJL, which can catch it, asks
     * for an operator's memory first: the allocator keeps what it gets back, and the operator finds it.
     *
     * @param input of the operator, whose output is as large
     * @param noiseElements of what the operator draws; 0 for none
     */
    private static void reserve(PtNDArray input, long noiseElements) {
        PtNDManager manager = input.getManager();
        if (!manager.getDevice().isGpu()) {
            return;
        }
        // DJL has no name for bfloat16.
        long elementBytes = input.getDataType() == DataType.FLOAT32 ? Float.BYTES : Short.BYTES;
        NDArray noise =
                noiseElements == 0 ? null : manager.create(new Shape(noiseElements * elementBytes), DataType.INT8);
        try (noise) {
            manager.create(new Shape(input.size() * elementBytes), DataType.INT8)
                    .close();
        }
    }

    /** Whether backward comes by an array: DJL knows it of leaves alone. */
    public static boolean hasGradient(PtNDArray array) {
        return Operators.isLeaf(array.getHandle()) == 0 || JniUtils.requiresGrad(array);
    }

    /** Sets every element to zero, in place. */
    public static void zero(NDArray array) {
        Operators.zeroInPlace(((PtNDArray) array).getHandle());
    }

    /**
     * Makes an array use another's memory, values included.
     *
     * @param other of the same shape and type, contiguous
     */
    public static void alias(NDArray array, NDArray other) {
        if (!array.getShape().equals(other.getShape()) || array.getDataType() != other.getDataType()) {
            throw new IllegalArgumentException(array.getShape() + " cannot become " + other.getShape());
        }
        Operators.setData(((PtNDArray) array).getHandle(), ((PtNDArray) other).getHandle());
    }

    /** Lets go of an array's values. What is left is its history, from which a backward can start. */
    public static void dropValues(PtNDArray array) {
        try (NDArray nothing = array.getManager().zeros(new Shape(0))) {
            Operators.setData(array.getHandle(), ((PtNDArray) nothing).getHandle());
        }
    }

    /**
     * Copies values in place, between devices too; returns when they are there.
     *
     * @param from of the same shape and type
     */
    public static void copy(NDArray from, NDArray to) {
        if (!from.getShape().equals(to.getShape()) || from.getDataType() != to.getDataType()) {
            throw new IllegalArgumentException("%s %s cannot be copied to %s %s"
                    .formatted(from.getDataType(), from.getShape(), to.getDataType(), to.getShape()));
        }
        Operators.copyInPlace(((PtNDArray) to).getHandle(), ((PtNDArray) from).getHandle(), 0);
    }

    /**
     * Where an array's first element lies, on its device.
     *
     * @param array float32, bfloat16 or int64
     */
    public static long address(NDArray array) {
        long handle = ((PtNDArray) array).getHandle();
        if (array.getDataType() == DataType.FLOAT32) {
            return Operators.floatData(handle);
        }
        if (array.getDataType() == DataType.INT64) {
            return Operators.longData(handle);
        }
        if (isBfloat16((PtNDArray) array)) {
            return Operators.bfloat16Data(handle);
        }
        throw new IllegalArgumentException("no address is known for " + array.getDataType());
    }

    /** DJL has no name for this type, and ends the process where it is to convert to it. */
    public static boolean isBfloat16(PtNDArray array) {
        return Operators.commonType(array.getHandle(), array.getHandle()) == BFLOAT16;
    }

    /** An array of the same shape, type and order in memory, whose values are anything; only where {@link #RETURNS_TENSORS}. */
    public static PtNDArray emptyLike(PtNDArray array) {
        long result = Native.malloc(TENSOR_BYTES);
        Operators.emptyLike(result, array.getHandle(), 0, 0, 0, 0, 0);
        return new PtNDArray(array.getManager(), result);
    }

    /** Whether the channels of each pixel of [N, C, H, W] lie side by side. */
    public static boolean isChannelsLast(PtNDArray array) {
        if (array.getShape().dimension() != 4) {
            throw new IllegalArgumentException(array.getShape() + " is no batch of images");
        }
        return Operators.stride(array.getHandle(), 1) == 1;
    }

    /** Whether [N, C, H, W] lies in memory as [N, H, W, C] does, without gaps. */
    public static boolean isDenseChannelsLast(PtNDArray array) {
        long next = 1;
        for (int axis : new int[] {1, 3, 2, 0}) {
            long size = array.getShape().get(axis);
            // A step that is never made can be of any length.
            if (size != 1 && Operators.stride(array.getHandle(), axis) != next) {
                return false;
            }
            next *= size;
        }
        return true;
    }

    private static void checkProbability(double probability) {
        if (!(probability >= 0 && probability <= 1)) {
            throw new IllegalArgumentException("probability " + probability + " is not between 0 and 1");
        }
    }
}

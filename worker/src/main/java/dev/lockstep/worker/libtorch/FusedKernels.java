package dev.lockstep.worker.libtorch;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.util.Map;

/**
 * libtorch's kernels that change a whole array in one pass over its memory: what torch.optim and torch.amp run with
 * {@code fused=True}. All arrays are float32 and contiguous; a part of a larger array's memory will do.
 */
public final class FusedKernels {
    static final Map<String, String> SYMBOLS = Map.of(
            "fusedSgd", "_ZN2at4_ops11_fused_sgd_4callEN3c108ArrayRefINS_6TensorEEES5_S5_ddddbbbRKSt8optionalIS4_ES9_",
            "fusedAdam",
                    "_ZN2at4_ops12_fused_adam_4callEN3c108ArrayRefINS_6TensorEEES5_S5_S5_S5_S5_dddddbbRKSt8optionalIS4_ES9_",
            "fusedAdamW",
                    "_ZN2at4_ops13_fused_adamw_4callEN3c108ArrayRefINS_6TensorEEES5_S5_S5_S5_S5_dddddbbRKSt8optionalIS4_ES9_",
            "checkFiniteAndUnscale",
                    "_ZN2at4_ops42_amp_foreach_non_finite_check_and_unscale_4callEN3c108ArrayRefINS_6TensorEEERS4_RKS4_");

    private FusedKernels() {}

    /** As C functions: tensors are the addresses of their handles, an {@code ArrayRef} is an address and a length. */
    private static final class Functions {
        static {
            TorchSymbols.register(Functions.class, SYMBOLS);
        }

        private Functions() {}

        /** Its call makes the block above run. */
        static void link() {}

        static native void fusedSgd(
                long parameters,
                long parameterCount,
                long gradients,
                long gradientCount,
                long momentumBuffers,
                long momentumBufferCount,
                double weightDecay,
                double momentum,
                double learningRate,
                double dampening,
                int nesterov,
                int maximize,
                int isFirstStep,
                long gradientScale,
                long foundInf);

        static native void fusedAdam(
                long parameters,
                long parameterCount,
                long gradients,
                long gradientCount,
                long averages,
                long averageCount,
                long squareAverages,
                long squareAverageCount,
                long largestSquareAverages,
                long largestSquareAverageCount,
                long steps,
                long stepCount,
                double learningRate,
                double beta1,
                double beta2,
                double weightDecay,
                double epsilon,
                int amsgrad,
                int maximize,
                long gradientScale,
                long foundInf);

        static native void fusedAdamW(
                long parameters,
                long parameterCount,
                long gradients,
                long gradientCount,
                long averages,
                long averageCount,
                long squareAverages,
                long squareAverageCount,
                long largestSquareAverages,
                long largestSquareAverageCount,
                long steps,
                long stepCount,
                double learningRate,
                double beta1,
                double beta2,
                double weightDecay,
                double epsilon,
                int amsgrad,
                int maximize,
                long gradientScale,
                long foundInf);

        static native void checkFiniteAndUnscale(long arrays, long arrayCount, long foundInf, long inverseScale);
    }

    /** Looks all kernels up; an {@link UnsatisfiedLinkError} names what is missing. */
    static void link() {
        Functions.link();
    }

    /**
     * Hyper-parameters of Adam.
     *
     * @param decoupled whether the weight decay is AdamW's: {@code p -= learningRate * weightDecay * p} apart from the gradient;
     *     else it is added to the gradient
     */
    public record AdamSettings(
            double learningRate, double beta1, double beta2, double epsilon, double weightDecay, boolean decoupled) {}

    /**
     * torch.optim.SGD: {@code g += weightDecay * p; m = momentum * m + g; p -= learningRate * m}, in place, where m = g on the first
     * step; with Nesterov's momentum {@code p -= learningRate * (g + momentum * m)}.
     *
     * @param parameters without a gradient of their own
     * @param gradients of the same shape; not changed
     * @param momentumBuffer of the same shape, or null when {@code momentum} is 0
     */
    public static void sgd(
            NDArray parameters,
            NDArray gradients,
            NDArray momentumBuffer,
            double learningRate,
            double momentum,
            double weightDecay,
            boolean nesterov,
            boolean isFirstStep) {
        checkShapes(parameters, gradients);
        if (momentumBuffer != null) {
            checkShapes(parameters, momentumBuffer);
        }
        if ((momentumBuffer == null) != (momentum == 0) || (nesterov && momentum == 0)) {
            throw new IllegalArgumentException("the momentum buffer does not go with a momentum of " + momentum);
        }
        long none = EmptyOptional.ADDRESS;
        Functions.fusedSgd(
                handle(parameters),
                1,
                handle(gradients),
                1,
                momentumBuffer == null ? 0 : handle(momentumBuffer),
                momentumBuffer == null ? 0 : 1,
                weightDecay,
                momentum,
                learningRate,
                0,
                nesterov ? 1 : 0,
                0,
                isFirstStep ? 1 : 0,
                none,
                none);
    }

    /**
     * torch.optim.Adam or AdamW, in place.
     *
     * @param parameters without a gradient of their own
     * @param gradients of the same shape; not changed
     * @param average of the gradients, of the same shape; zero before the first step
     * @param squareAverage of their squares, likewise
     * @param step scalar: the number of this step, from 1
     */
    public static void adam(
            AdamSettings settings,
            NDArray parameters,
            NDArray gradients,
            NDArray average,
            NDArray squareAverage,
            NDArray step) {
        checkShapes(parameters, gradients);
        checkShapes(parameters, average);
        checkShapes(parameters, squareAverage);
        if (step.size() != 1) {
            throw new IllegalArgumentException("the step's number is no scalar but " + step.getShape());
        }
        long none = EmptyOptional.ADDRESS;
        if (settings.decoupled()) {
            Functions.fusedAdamW(
                    handle(parameters),
                    1,
                    handle(gradients),
                    1,
                    handle(average),
                    1,
                    handle(squareAverage),
                    1,
                    0,
                    0,
                    handle(step),
                    1,
                    settings.learningRate(),
                    settings.beta1(),
                    settings.beta2(),
                    settings.weightDecay(),
                    settings.epsilon(),
                    0,
                    0,
                    none,
                    none);
        } else {
            Functions.fusedAdam(
                    handle(parameters),
                    1,
                    handle(gradients),
                    1,
                    handle(average),
                    1,
                    handle(squareAverage),
                    1,
                    0,
                    0,
                    handle(step),
                    1,
                    settings.learningRate(),
                    settings.beta1(),
                    settings.beta2(),
                    settings.weightDecay(),
                    settings.epsilon(),
                    0,
                    0,
                    none,
                    none);
        }
    }

    /**
     * Multiplies an array with a number, in place, and looks for inf and nan in what it was.
     *
     * @param foundInf scalar: set to 1 when the array holds inf or nan, else left alone
     * @param inverseScale scalar: the number
     */
    public static void unscale(NDArray array, NDArray foundInf, NDArray inverseScale) {
        if (foundInf.size() != 1 || inverseScale.size() != 1) {
            throw new IllegalArgumentException("inf's flag and the scale are scalars");
        }
        Functions.checkFiniteAndUnscale(handle(array), 1, handle(foundInf), handle(inverseScale));
    }

    private static long handle(NDArray array) {
        return ((PtNDArray) array).getHandle();
    }

    private static void checkShapes(NDArray parameters, NDArray other) {
        if (!parameters.getShape().equals(other.getShape()) || parameters.getDataType() != other.getDataType()) {
            throw new IllegalArgumentException("parameters " + parameters.getShape() + " do not match "
                    + other.getDataType() + " " + other.getShape());
        }
    }

    /** A {@code std::optional<at::Tensor>} without a value, for the life of the process: zeros of its size, 16 bytes, rounded up. */
    private static final class EmptyOptional {
        private static final Memory MEMORY = new Memory(64);

        static {
            MEMORY.clear();
        }

        static final long ADDRESS = Pointer.nativeValue(MEMORY);

        private EmptyOptional() {}
    }
}

package dev.lockstep.worker.cuda;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import com.sun.jna.NativeLibrary;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.work.ComputeCapability;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;
import dev.lockstep.worker.libtorch.NativeLibraries;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;

/** The first GPU that the process sees, once it is proved to compute. Of the training thread alone. */
public final class CudaGpu {
    private static final String CUDNN = "libcudnn.so";
    private static final int MAJOR = 1000;
    private static final int MINOR = 10;
    private static final int CUDNN_MAJOR = 10_000;
    private static final int CUDNN_MINOR = 100;
    private static final Shape ONE = new Shape(1, 1);

    private final Device place;
    private final DeviceType type;
    private final Supplier<CudaRuntime> loading;
    private CudaRuntime runtime;
    private ComputeCapability capability;
    private PeakMemory peakMemory;

    /** Versions of what libtorch brought: {@code 12.4}, {@code 9.1.0}; cuDNN's is null where there is none. */
    public record Versions(String cuda, String cudnn) {}

    /** The first GPU. */
    public CudaGpu() {
        this(Device.gpu(0), DeviceType.CUDA, Cudart::load);
    }

    /** @param loading gets the runtime once the engine is loaded */
    CudaGpu(Device place, DeviceType type, Supplier<CudaRuntime> loading) {
        this.place = place;
        this.type = type;
        this.loading = loading;
    }

    /** Where its arrays live. */
    public Device place() {
        return place;
    }

    /** What autocast calls it. */
    public DeviceType type() {
        return type;
    }

    /** Its runtime; null before {@link #start}. */
    public CudaRuntime runtime() {
        return runtime;
    }

    /** What it can do; null before {@link #start}. */
    public ComputeCapability capability() {
        return capability;
    }

    /** How its memory is measured; null before {@link #start}. */
    public PeakMemory peakMemory() {
        return peakMemory;
    }

    /**
     * Finds it and has it compute.
     *
     * @param manager of arrays on it
     * @throws LockstepException ENVIRONMENT if this libtorch knows no GPUs, the process sees none, or libtorch's kernels do not run on it
     */
    public Versions start(NDManager manager) {
        runtime = loading.get();
        requireDevice();
        capability = runtime.computeCapability();
        try {
            prove(manager);
        } catch (EngineException e) {
            throw cannotCompute(
                    String.valueOf(e.getMessage()).lines().findFirst().orElse(""), e);
        }
        peakMemory = AllocatedMemory.orDeviceUsed(manager, runtime);
        int version = runtime.version();
        return new Versions(version / MAJOR + "." + version % MAJOR / MINOR, cudnnVersion());
    }

    private void requireDevice() {
        try {
            if (runtime.deviceCount() > 0) {
                return;
            }
        } catch (LockstepException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "no GPU can be used: " + e.getMessage()
                            + "; nvidia-smi tells whether the driver is there and new enough for" + " CUDA "
                            + version(),
                    e);
        }
        throw new LockstepException(
                FailureCategory.ENVIRONMENT,
                "no GPU can be used: the process sees none; check CUDA_VISIBLE_DEVICES and nvidia-smi");
    }

    private String version() {
        int version = runtime.version();
        return version / MAJOR + "." + version % MAJOR / MINOR;
    }

    /** A convolution, there and back: a kernel of libtorch's own would not show that cuDNN is there. */
    private void prove(NDManager parent) {
        try (NDManager manager = parent.newSubManager()) {
            PtNDArray weight = (PtNDArray) manager.full(new Shape(1, 1, 1, 1), 2f);
            weight.setRequiresGradient(true);
            PtNDArray input = (PtNDArray) manager.full(new Shape(1, 1, 2, 2), 3f);
            PtNDArray output = JniUtils.convolution(input, weight, null, ONE, new Shape(0, 0), ONE, 1);
            JniUtils.backward(output, (PtNDArray) manager.ones(output.getShape()), false, false);
            float product = output.sum().getFloat();
            float gradient;
            try (NDArray found = weight.getGradient()) {
                gradient = found.getFloat();
            }
            if (product != 24f || gradient != 12f) {
                throw cannotCompute(
                        "a convolution made " + product + " and " + gradient + " where 24 and 12 were due", null);
            }
        }
    }

    private LockstepException cannotCompute(String reason, Throwable cause) {
        return new LockstepException(
                FailureCategory.ENVIRONMENT,
                "libtorch's kernels for CUDA " + version() + " do not run on this GPU of compute capability "
                        + capability + ": " + reason,
                cause);
    }

    private static String cudnnVersion() {
        Optional<Path> library = NativeLibraries.find(CUDNN);
        if (library.isEmpty()) {
            return null;
        }
        long version = NativeLibrary.getInstance(library.get().toString())
                .getFunction("cudnnGetVersion")
                .invokeLong(new Object[0]);
        return version / CUDNN_MAJOR + "." + version % CUDNN_MAJOR / CUDNN_MINOR + "." + version % CUDNN_MINOR;
    }

    /** Gives the memory that libtorch holds without a tensor in it back to the GPU. */
    public void emptyCache() {
        JniUtils.emptyCudaCache();
    }
}

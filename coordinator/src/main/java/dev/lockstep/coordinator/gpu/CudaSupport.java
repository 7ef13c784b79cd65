package dev.lockstep.coordinator.gpu;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;

/** Whether the CUDA build of libtorch runs on a driver and a GPU. */
public final class CudaSupport {
    /**
     * The build is for CUDA 12.4. NVIDIA's minor version compatibility has every driver for CUDA 12 run it, and nothing here needs a newer
     * driver's compiler: the build holds machine code for all GPUs that it supports.
     */
    private static final int LEAST_CUDA = 12_000;

    private static final int LEAST_MAJOR = 5;
    private static final int MOST_MAJOR = 9;
    private static final String WAY_OUT = "; --no-cuda or --devices cpu:N leaves the GPUs alone";

    private CudaSupport() {}

    /**
     * Checks the driver.
     *
     * @throws LockstepException ENVIRONMENT when it is too old
     */
    public static void check(Nvml nvml) {
        int version = nvml.cudaVersion();
        if (version < LEAST_CUDA) {
            throw lacking(
                    "the NVIDIA driver %s serves CUDA up to %d.%d, and the CUDA build of libtorch is of 12.4: install driver 525 or newer%s"
                            .formatted(nvml.driverVersion(), version / 1000, version % 1000 / 10, WAY_OUT));
        }
    }

    /**
     * Checks a GPU.
     *
     * @throws LockstepException ENVIRONMENT when it is older or newer than the build's kernels
     */
    public static void check(Gpu gpu) {
        if (gpu.major() < LEAST_MAJOR || gpu.major() > MOST_MAJOR) {
            throw lacking(
                    "GPU %d (%s) has compute capability %s, and the CUDA build of libtorch 2.5.1 has kernels for 5.0 to 9.0: it is too %s%s"
                            .formatted(
                                    gpu.index(),
                                    gpu.name(),
                                    gpu.computeCapability(),
                                    gpu.major() < LEAST_MAJOR ? "old" : "new",
                                    WAY_OUT));
        }
    }

    static LockstepException lacking(String message) {
        return new LockstepException(FailureCategory.ENVIRONMENT, message);
    }
}

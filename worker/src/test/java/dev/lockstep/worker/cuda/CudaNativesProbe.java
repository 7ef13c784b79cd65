package dev.lockstep.worker.cuda;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.work.DeviceKind;
import dev.lockstep.worker.libtorch.LibTorch;
import dev.lockstep.worker.libtorch.NativeLibraries;
import dev.lockstep.worker.libtorch.SymbolsTest;
import dev.lockstep.worker.step.TinyTrace;
import java.nio.file.Path;
import java.util.Optional;

/** A process over the CUDA build of libtorch, which prints what it found. A process can load but one build. */
final class CudaNativesProbe {
    private CudaNativesProbe() {}

    /**
     * Prints what it finds.
     *
     * @param arguments where to write the trace of the CPU
     */
    public static void main(String[] arguments) throws Exception {
        Engine engine = LibTorch.load();
        System.out.println("missing in libtorch: " + SymbolsTest.missing());
        System.out.println("missing for GPUs: " + SymbolsTest.missingForGpus());
        CudaRuntime runtime = Cudart.load();
        System.out.println("runtime: " + runtime.version());
        Optional<AllocatorStatistics> statistics = AllocatorStatistics.ofLoadedLibtorch();
        System.out.println("allocator known: " + statistics.isPresent());
        System.out.println("allocator initialized: " + statistics.orElseThrow().isInitialized());
        System.out.println("cudnn: " + NativeLibraries.find("libcudnn.so").isPresent());
        TinyTrace.write(DeviceKind.CPU, Path.of(arguments[0]));
        System.out.println("traced");
        CudaGpu gpu = new CudaGpu();
        try (NDManager manager = engine.newBaseManager(Device.gpu(0))) {
            System.out.println(
                    "gpu: " + gpu.start(manager) + ", " + gpu.peakMemory().kind());
        } catch (LockstepException e) {
            System.out.println("no gpu: " + e.failure().category().label() + ": " + e.getMessage());
        }
    }
}

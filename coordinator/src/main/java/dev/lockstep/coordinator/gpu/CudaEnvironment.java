package dev.lockstep.coordinator.gpu;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.natives.CudaNatives;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** The environment in which a process finds the CUDA build of libtorch. */
public final class CudaEnvironment {
    /**
     * Names under which libraries are looked for at run time, by DJL (cudart), cuDNN (nvrtc) and nvrtc (its builtins), and the files' own
     * names in the build.
     */
    private static final Map<String, String> LINKS = Map.of(
            "libcudart.so", "libcudart-8774224f.so.12",
            "libnvrtc.so.12", "libnvrtc-6d168ef8.so.12",
            "libnvrtc-builtins.so.12.4", "libnvrtc-builtins.so");

    private CudaEnvironment() {}

    /**
     * The variables to set.
     *
     * @param natives the folder with the libraries, which is only read
     * @param links the folder for links to them, made anew
     * @param loaderPath the value of {@code LD_LIBRARY_PATH} that the process would have had; null for none
     */
    public static Map<String, String> of(Path natives, Path links, String loaderPath) {
        try {
            Files.createDirectories(links);
            for (Map.Entry<String, String> link : LINKS.entrySet()) {
                Path file = links.resolve(link.getKey());
                Files.deleteIfExists(file);
                Files.createSymbolicLink(file, natives.resolve(link.getValue()));
            }
        } catch (IOException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT, "links to the CUDA libraries cannot be made: " + e.getMessage(), e);
        }
        String own = links + ":" + natives;
        return Map.of(
                "PYTORCH_LIBRARY_PATH",
                natives.toString(),
                "PYTORCH_FLAVOR",
                CudaNatives.FLAVOR,
                "LD_LIBRARY_PATH",
                loaderPath == null || loaderPath.isEmpty() ? own : own + ":" + loaderPath,
                // As nvidia-smi and the devices' names count.
                "CUDA_DEVICE_ORDER",
                "PCI_BUS_ID");
    }
}

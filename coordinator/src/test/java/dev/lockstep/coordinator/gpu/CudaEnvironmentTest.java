package dev.lockstep.coordinator.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CudaEnvironmentTest {
    @TempDir
    Path folder;

    @Test
    void shouldNameTheFolderAndLinkWhatIsLookedForByOtherNames() throws IOException {
        Path natives = folder.resolve("natives");
        Path links = folder.resolve("run/cuda-links");
        CudaEnvironment.of(folder.resolve("others"), links, null);
        Map<String, String> environment = CudaEnvironment.of(natives, links, "/opt/lib");
        assertEquals(
                Map.of(
                        "PYTORCH_LIBRARY_PATH",
                        natives.toString(),
                        "PYTORCH_FLAVOR",
                        "cu124",
                        "LD_LIBRARY_PATH",
                        links + ":" + natives + ":/opt/lib",
                        "CUDA_DEVICE_ORDER",
                        "PCI_BUS_ID"),
                environment);
        assertEquals(
                natives.resolve("libcudart-8774224f.so.12"), Files.readSymbolicLink(links.resolve("libcudart.so")));
        assertEquals(
                natives.resolve("libnvrtc-builtins.so"),
                Files.readSymbolicLink(links.resolve("libnvrtc-builtins.so.12.4")));
        assertEquals(
                links + ":" + natives, CudaEnvironment.of(natives, links, null).get("LD_LIBRARY_PATH"));
    }
}

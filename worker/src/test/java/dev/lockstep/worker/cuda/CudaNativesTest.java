package dev.lockstep.worker.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.tensor.Safetensors;
import dev.lockstep.common.work.DeviceKind;
import dev.lockstep.worker.step.TinyTrace;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the CUDA build of libtorch shows without a GPU: it loads, has every function that is called, and computes on the CPU what the CPU
 * build does. For who has it: {@code -Dlockstep.cuda.natives=FOLDER}, with the folder that {@code lockstep cuda-natives} tells.
 */
@EnabledIfSystemProperty(named = CudaNativesTest.PROPERTY, matches = ".+")
class CudaNativesTest {
    static final String PROPERTY = "lockstep.cuda.natives";

    private static final String NEEDS_DRIVER = "libcaffe2_nvrtc.so";

    @TempDir
    Path folder;

    @Test
    void shouldComputeOnTheCpuAndHaveAllThatIsCalled() throws Exception {
        Path expected = folder.resolve("cpu-build.safetensors");
        Path got = folder.resolve("cuda-build.safetensors");

        String output = probe(got);
        TinyTrace.write(DeviceKind.CPU, expected);

        assertTrue(output.contains("missing in libtorch: []\nmissing for GPUs: []\n"), output);
        assertTrue(output.contains("runtime: 12040\n"), output);
        assertTrue(output.contains("allocator known: true\nallocator initialized: false\n"), output);
        assertTrue(output.contains("cudnn: true\n"), output);
        assertTrue(output.contains("traced\n"), output);
        // With a GPU all of it is proved, memory's figure too; without one the refusal is clear.
        assertTrue(
                output.contains("gpu: Versions[cuda=12.4, cudnn=9.1.0], peak-allocated\n")
                        || output.contains("no gpu: environment: no GPU can be used: cudaGetDeviceCount failed with"),
                output);
        try (Safetensors first = Safetensors.read(expected);
                Safetensors second = Safetensors.read(got)) {
            assertEquals(first.names(), second.names());
            for (String name : first.names()) {
                assertEquals(first.data(name), second.data(name), name);
            }
        }
    }

    /** The folder but for the one library that is of no use, and does not load, without a driver. */
    private Path linked(Path natives) throws IOException {
        Path links = Files.createDirectory(folder.resolve("natives"));
        try (Stream<Path> libraries = Files.list(natives)) {
            for (Path library :
                    libraries.filter(file -> !file.endsWith(NEEDS_DRIVER)).toList()) {
                Files.createSymbolicLink(links.resolve(library.getFileName()), library);
            }
        }
        return links;
    }

    private String probe(Path trace) throws IOException, InterruptedException {
        String natives = linked(Path.of(System.getProperty(PROPERTY))).toString();
        Path log = folder.resolve("log");
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        ProcessBuilder builder = new ProcessBuilder(List.of(
                        java.toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        CudaNativesProbe.class.getName(),
                        trace.toString()))
                .redirectErrorStream(true)
                .redirectOutput(log.toFile());
        builder.environment()
                .putAll(Map.of(
                        "PYTORCH_LIBRARY_PATH", natives,
                        "PYTORCH_FLAVOR", "cu124",
                        "LD_LIBRARY_PATH", natives));
        int status = builder.start().waitFor();
        String output = Files.readString(log, StandardCharsets.UTF_8);
        assertEquals(0, status, output);
        return output;
    }
}

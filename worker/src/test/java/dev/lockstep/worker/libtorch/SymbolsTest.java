package dev.lockstep.worker.libtorch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.pytorch.jni.LibUtils;
import com.sun.jna.NativeLibrary;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Looks all of libtorch's functions up that Lockstep calls, without calling them. */
public class SymbolsTest {
    private static final List<Map<String, String>> CALLED =
            List.of(LibTorch.SYMBOLS, FusedKernels.SYMBOLS, AutocastMode.SYMBOLS, MathMode.SYMBOLS);

    @Test
    void shouldFindEverySymbolInTheCpuBuild() {
        LibTorch.load();

        assertEquals(Set.of(), missing());
    }

    /** The symbols that the loaded libtorch lacks. */
    public static Set<String> missing() {
        Set<String> missing = new TreeSet<>();
        CALLED.forEach(symbols -> missing.addAll(missing("torch_cpu", symbols)));
        return missing;
    }

    /** The symbols for GPUs that the loaded libtorch lacks, which must be a CUDA build. */
    public static Set<String> missingForGpus() {
        Set<String> missing = missing("torch_cuda", CudaGraphs.SYMBOLS);
        missing.addAll(missing("c10_cuda", CudaGraphs.STREAM_SYMBOLS));
        return missing;
    }

    private static Set<String> missing(String libraryName, Map<String, String> symbols) {
        NativeLibrary library =
                NativeLibrary.getInstance(Path.of(LibUtils.getLibtorchPath(), System.mapLibraryName(libraryName))
                        .toString());
        Set<String> missing = new TreeSet<>();
        symbols.values().forEach(symbol -> {
            try {
                library.getFunction(symbol);
            } catch (UnsatisfiedLinkError e) {
                missing.add(symbol);
            }
        });
        return missing;
    }
}

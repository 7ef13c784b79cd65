package dev.lockstep.worker.libtorch;

import ai.djl.pytorch.jni.LibUtils;
import com.sun.jna.FunctionMapper;
import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import java.nio.file.Path;
import java.util.Map;

/** Binds native methods to libtorch's C++ symbols. The engine must have been loaded. */
final class TorchSymbols {
    private TorchSymbols() {}

    /**
     * Binds all native methods of a class to libtorch_cpu.
     *
     * @param symbols by method
     * @throws UnsatisfiedLinkError if the library lacks one
     */
    static void register(Class<?> functions, Map<String, String> symbols) {
        register(functions, "torch_cpu", symbols);
    }

    /**
     * Binds all native methods of a class.
     *
     * @param library of libtorch's, by its name without {@code lib}
     * @param symbols by method
     * @throws UnsatisfiedLinkError if there is no such library, or it lacks one
     */
    static void register(Class<?> functions, String library, Map<String, String> symbols) {
        FunctionMapper mapper = (owner, method) -> symbols.get(method.getName());
        String path = Path.of(LibUtils.getLibtorchPath(), System.mapLibraryName(library))
                .toString();
        Native.register(functions, NativeLibrary.getInstance(path, Map.of(Library.OPTION_FUNCTION_MAPPER, mapper)));
    }
}

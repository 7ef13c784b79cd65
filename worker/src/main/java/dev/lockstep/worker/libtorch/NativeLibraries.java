package dev.lockstep.worker.libtorch;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.pytorch.jni.LibUtils;
import ai.djl.util.Utils;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.stream.Stream;

/** libtorch's native libraries, which travel in a jar and must lie in a folder to be loaded. */
public final class NativeLibraries {
    private static final String LOCK_FILE = "lockstep.lock";

    private NativeLibraries() {}

    /** The folder that the loaded libtorch lies in. */
    public static Path folder() {
        return Path.of(LibUtils.getLibtorchPath()).toAbsolutePath();
    }

    /**
     * A library beside the loaded libtorch; loading it again by its path is to get the one that libtorch uses.
     *
     * @param prefix of its file's name
     */
    public static Optional<Path> find(String prefix) {
        try (Stream<Path> files = Files.list(folder())) {
            return files.filter(file -> file.getFileName().toString().startsWith(prefix))
                    .filter(file -> file.getFileName().toString().contains(".so"))
                    .sorted()
                    .findFirst();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Has DJL unpack them into its cache, once however many processes ask: DJL itself does not lock. Loads the engine, so call it
     * in a process of its own.
     *
     * @return the folder, the value for {@code PYTORCH_LIBRARY_PATH}
     * @throws LockstepException if the cache cannot be written
     */
    public static Path unpack() {
        Path cache = Utils.getEngineCacheDir("pytorch");
        try {
            Files.createDirectories(cache);
            try (FileChannel channel =
                    FileChannel.open(cache.resolve(LOCK_FILE), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                // Held until the channel is closed.
                channel.lock();
                Engine.getEngine(LibTorch.ENGINE);
                return folder();
            }
        } catch (IOException | EngineException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "libtorch cannot be unpacked into " + cache + " and loaded: "
                            + rootCause(e).getMessage() + "; DJL_CACHE_DIR names a folder that can be written",
                    e);
        }
    }

    /** DJL says only that it could not load its libraries; why stands behind that. */
    private static Throwable rootCause(Throwable thrown) {
        return thrown.getCause() == null ? thrown : rootCause(thrown.getCause());
    }
}

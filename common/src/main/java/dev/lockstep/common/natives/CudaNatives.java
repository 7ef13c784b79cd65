package dev.lockstep.common.natives;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The CUDA build of libtorch: a folder that the user names, or one that is unpacked once from the jar on Maven Central. Only a whole
 * folder ever has its final name.
 */
public final class CudaNatives {
    /** The environment variable that names an already unpacked folder. */
    public static final String FOLDER_VARIABLE = "LOCKSTEP_CUDA_NATIVES";
    /** DJL's name for the build, and the value for {@code PYTORCH_FLAVOR}. */
    public static final String FLAVOR = "cu124";
    /** What the engine cannot do without; the name of the runtime's own file has a hash. */
    static final List<String> REQUIRED = List.of(
            "libc10.so",
            "libc10_cuda.so",
            "libtorch.so",
            "libtorch_cpu.so",
            "libtorch_cuda.so",
            "libcudart-8774224f.so.12");

    private static final String FOLDER = "2.5.1-" + FLAVOR + "-lockstep";
    private static final String LOCK_FILE = FOLDER + ".lock";

    private final Map<String, String> environment;
    private final Path jarPointer;

    /**
     * Where to look.
     *
     * @param environment of the process
     * @param jarPointer the file that names the jar; the build with the Maven profile {@code cuda} writes it
     */
    public CudaNatives(Map<String, String> environment, Path jarPointer) {
        this.environment = Map.copyOf(environment);
        this.jarPointer = jarPointer;
    }

    /**
     * The folder with the natives, which are unpacked first where they are not; blocks.
     *
     * @param progress is told how far it is, in words
     * @throws LockstepException ENVIRONMENT when they are not to be had
     */
    public Path folder(Consumer<String> progress) {
        String given = environment.get(FOLDER_VARIABLE);
        if (given != null && !given.isEmpty()) {
            Path folder = Path.of(given).toAbsolutePath();
            missing(folder).ifPresent(name -> {
                throw lacking("%s is %s, which has no %s: set it to a folder with the libraries of %s"
                        .formatted(FOLDER_VARIABLE, folder, name, "pytorch-native-cu124 2.5.1"));
            });
            return folder;
        }
        Path cache = cache();
        Path folder = cache.resolve(FOLDER);
        return Files.isDirectory(folder) ? folder : unpack(jar(), cache, folder, progress);
    }

    /** DJL's own choice: natives of both kinds lie beside each other. */
    private Path cache() {
        return Stream.of("ENGINE_CACHE_DIR", "DJL_CACHE_DIR")
                .map(environment::get)
                .filter(value -> value != null && !value.isEmpty())
                .findFirst()
                .map(Path::of)
                .orElseGet(() -> Path.of(System.getProperty("user.home"), ".djl.ai"))
                .resolve("pytorch")
                .toAbsolutePath();
    }

    private static Optional<String> missing(Path folder) {
        return REQUIRED.stream()
                .filter(name -> !Files.isRegularFile(folder.resolve(name)))
                .findFirst();
    }

    private Path jar() {
        try {
            Path jar = Path.of(Files.readString(jarPointer).strip());
            if (Files.isRegularFile(jar)) {
                return jar;
            }
        } catch (IOException e) {
            throw notBuilt(e);
        }
        throw notBuilt(null);
    }

    private static LockstepException notBuilt(IOException cause) {
        return new LockstepException(
                FailureCategory.ENVIRONMENT,
                "the CUDA build of libtorch (2.46 GB) is not here: deploy/bin/start-cluster --cuda has Maven fetch it, and "
                        + FOLDER_VARIABLE + " may name a folder with its libraries",
                cause);
    }

    private static Path unpack(Path jar, Path cache, Path folder, Consumer<String> progress) {
        try {
            Files.createDirectories(cache);
            try (FileChannel channel = FileChannel.open(
                            cache.resolve(LOCK_FILE), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock lock = lock(channel, progress)) {
                assert lock.isValid();
                if (!Files.isDirectory(folder)) {
                    new NativesJar(jar).unpack(folder, progress);
                }
                return folder;
            }
        } catch (IOException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "the CUDA build of libtorch cannot be unpacked into %s: %s: set DJL_CACHE_DIR to a folder that can be written"
                            .formatted(cache, e),
                    e);
        }
    }

    private static FileLock lock(FileChannel channel, Consumer<String> progress) throws IOException {
        FileLock lock = channel.tryLock();
        if (lock != null) {
            return lock;
        }
        progress.accept("waiting for another process that unpacks the CUDA build of libtorch");
        return channel.lock();
    }

    static LockstepException lacking(String message) {
        return new LockstepException(FailureCategory.ENVIRONMENT, message);
    }
}

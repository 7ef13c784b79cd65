package dev.lockstep.common.natives;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** A jar of native libraries, all in one of its folders. */
final class NativesJar {
    private static final String PREFIX = "pytorch/" + CudaNatives.FLAVOR + "/linux-x86_64/";
    private static final int CHUNK_BYTES = 1 << 20;
    private static final double BYTES_PER_MB = 1e6;
    private static final long REPORT_NANOS = Duration.ofSeconds(1).toNanos();
    /** Left free beside what is unpacked. */
    private static final long MARGIN_BYTES = 100_000_000;

    private final Path jar;
    private final FreeSpace freeSpace;
    private final LongSupplier clock;
    private long totalBytes;
    private long doneBytes;
    private long reportedNanos;

    /** What a disk has. */
    interface FreeSpace {
        /** Bytes that this user can write into a folder. */
        long bytes(Path folder) throws IOException;
    }

    NativesJar(Path jar) {
        this(jar, folder -> Files.getFileStore(folder).getUsableSpace());
    }

    NativesJar(Path jar, FreeSpace freeSpace) {
        this(jar, freeSpace, System::nanoTime);
    }

    NativesJar(Path jar, FreeSpace freeSpace, LongSupplier clock) {
        this.jar = jar;
        this.freeSpace = freeSpace;
        this.clock = clock;
    }

    /**
     * Unpacks the libraries beside {@code folder} and gives them its name when they are all there. What an earlier attempt that was
     * interrupted has left is removed.
     *
     * @throws dev.lockstep.common.failure.LockstepException ENVIRONMENT when the disk has no room
     */
    void unpack(Path folder, Consumer<String> progress) throws IOException {
        Path partial = folder.resolveSibling(folder.getFileName() + ".partial");
        delete(partial);
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            List<? extends ZipEntry> libraries = zip.stream()
                    .filter(entry -> entry.getName().startsWith(PREFIX) && !entry.isDirectory())
                    .toList();
            requireWhole(libraries);
            totalBytes = libraries.stream().mapToLong(ZipEntry::getSize).sum();
            requireRoom(folder.getParent());
            reportedNanos = clock.getAsLong();
            Files.createDirectory(partial);
            for (ZipEntry library : libraries) {
                Path file = partial.resolve(library.getName().substring(PREFIX.length()));
                try (InputStream from = zip.getInputStream(library);
                        OutputStream to = Files.newOutputStream(file)) {
                    copy(from, to, progress);
                }
            }
            Files.move(partial, folder, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    private void requireWhole(List<? extends ZipEntry> libraries) throws FileNotFoundException {
        for (String name : CudaNatives.REQUIRED) {
            if (libraries.stream().noneMatch(entry -> entry.getName().equals(PREFIX + name))) {
                throw new FileNotFoundException(jar + " has no " + PREFIX + name);
            }
        }
    }

    private void requireRoom(Path parent) throws IOException {
        long free = freeSpace.bytes(parent);
        if (free < totalBytes + MARGIN_BYTES) {
            throw CudaNatives.lacking(
                    "unpacking the CUDA build of libtorch needs %.0f MB in %s, and %.0f MB are free there: free some, or set DJL_CACHE_DIR to a folder with more"
                            .formatted((totalBytes + MARGIN_BYTES) / BYTES_PER_MB, parent, free / BYTES_PER_MB));
        }
    }

    private void copy(InputStream from, OutputStream to, Consumer<String> progress) throws IOException {
        byte[] chunk = new byte[CHUNK_BYTES];
        for (int read = from.read(chunk); read >= 0; read = from.read(chunk)) {
            to.write(chunk, 0, read);
            doneBytes += read;
            if (System.nanoTime() - reportedNanos >= REPORT_NANOS) {
                reportedNanos = clock.getAsLong();
                progress.accept("unpacking the CUDA build of libtorch: %.0f of %.0f MB"
                        .formatted(doneBytes / BYTES_PER_MB, totalBytes / BYTES_PER_MB));
            }
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        } catch (NoSuchFileException e) {
            return;
        }
        Files.delete(folder);
    }
}

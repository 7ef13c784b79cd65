package dev.lockstep.common.memory;

import com.sun.jna.LastErrorException;
import com.sun.jna.Native;
import com.sun.jna.Platform;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file in memory that other processes of the same user can open by its path and that nothing survives.
 *
 * <p>On Linux it is a memfd: it has no name in any file system, is not bounded by the size of {@code /dev/shm}, and is gone with
 * the last process that maps it, however that process ends. Elsewhere it is a private temporary file, deleted by {@link #close}.
 */
final class SharedFile implements AutoCloseable {
    private static final int MFD_CLOEXEC = 1;
    private static final int ZERO_BLOCK = 1 << 20;

    private final Path path;
    private final int descriptor;

    private SharedFile(Path path, int descriptor) {
        this.path = path;
        this.descriptor = descriptor;
    }

    /** The C functions used, from libc. */
    private static final class LibC {
        static {
            Native.register(LibC.class, "c");
        }

        private LibC() {}

        @SuppressWarnings("checkstyle:methodname")
        static native int memfd_create(String name, int flags) throws LastErrorException;

        static native int close(int descriptor) throws LastErrorException;
    }

    /**
     * Makes a file of {@code size} zero bytes, all of them really there.
     *
     * @throws IOException if there is no room for it
     */
    static SharedFile create(String name, long size) throws IOException {
        SharedFile file = Platform.isLinux() ? memoryFile(name) : temporaryFile(name);
        try {
            file.putIntoHugePages(size);
            file.preallocate(size);
        } catch (IOException e) {
            file.close();
            throw e;
        }
        return file;
    }

    private static SharedFile memoryFile(String name) throws IOException {
        try {
            int descriptor = LibC.memfd_create(name, MFD_CLOEXEC);
            return new SharedFile(Path.of("/proc/" + ProcessHandle.current().pid() + "/fd/" + descriptor), descriptor);
        } catch (LastErrorException e) {
            throw new IOException("memfd_create failed: " + e.getMessage(), e);
        }
    }

    private static SharedFile temporaryFile(String name) throws IOException {
        Path path = Files.createTempFile(name, ".segment");
        path.toFile().deleteOnExit();
        return new SharedFile(path, -1);
    }

    /** While next to nothing is there, but in each huge page something: the kernel copies what is there, and takes no hole. */
    private void putIntoHugePages(long size) throws IOException {
        if (descriptor < 0) {
            return;
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE);
                HugePageMapping mapping = HugePageMapping.of(path, size)) {
            for (long page = 0; page < size; page += HugePages.BYTES) {
                channel.write(ByteBuffer.allocate(1), page);
            }
            channel.write(ByteBuffer.allocate(1), size - 1);
            mapping.collapse();
        }
    }

    /** Writes every byte: a sparse file would end a process with SIGBUS when memory runs out later. */
    private void preallocate(long size) throws IOException {
        ByteBuffer zeros = ByteBuffer.allocateDirect((int) Math.min(size, ZERO_BLOCK));
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
            while (channel.position() < size) {
                zeros.clear().limit((int) Math.min(zeros.capacity(), size - channel.position()));
                channel.write(zeros);
            }
        }
    }

    /** Where another process of the same user opens it. */
    Path path() {
        return path;
    }

    @Override
    public void close() throws IOException {
        if (descriptor < 0) {
            Files.deleteIfExists(path);
            return;
        }
        try {
            LibC.close(descriptor);
        } catch (LastErrorException e) {
            throw new IOException("closing " + path + " failed: " + e.getMessage(), e);
        }
    }
}

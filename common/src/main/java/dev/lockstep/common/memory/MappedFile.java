package dev.lockstep.common.memory;

import com.sun.jna.Platform;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.agrona.IoUtil;

/** A file in this process's memory, to read and to write. {@link #close} unmaps all that was handed out. */
interface MappedFile extends AutoCloseable {
    /**
     * Maps a file.
     *
     * @param size of the file in bytes, a multiple of the page size
     * @throws IOException if it is not there or is shorter, or there is no room for it
     */
    static MappedFile of(Path path, long size) throws IOException {
        // Bytes beyond its end could be mapped, but to look at them would end the process.
        if (Files.size(path) < size) {
            throw new IOException("%s has %d bytes, not %d".formatted(path, Files.size(path), size));
        }
        return Platform.isLinux() ? HugePageMapping.of(path, size) : new InParts(path);
    }

    /**
     * Some of the file's bytes.
     *
     * @throws IOException if there is no room for them
     */
    ByteBuffer part(long offset, long bytes) throws IOException;

    @Override
    void close() throws IOException;

    /** By Java's own means, each part by itself. */
    final class InParts implements MappedFile {
        private final FileChannel channel;
        private final List<MappedByteBuffer> parts = new ArrayList<>();

        InParts(Path path) throws IOException {
            this.channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
        }

        @Override
        public ByteBuffer part(long offset, long bytes) throws IOException {
            MappedByteBuffer part = channel.map(MapMode.READ_WRITE, offset, bytes);
            parts.add(part);
            return part;
        }

        @Override
        public void close() throws IOException {
            parts.forEach(IoUtil::unmap);
            parts.clear();
            channel.close();
        }
    }
}

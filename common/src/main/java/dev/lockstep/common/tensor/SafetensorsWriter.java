package dev.lockstep.common.tensor;

import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.WRITE;

import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * Writes safetensors files. The same tensors and metadata give the same bytes. A file appears whole or not at all: it is written beside
 * its place and moved there when it is safe on disk.
 */
public final class SafetensorsWriter {
    private SafetensorsWriter() {}

    /**
     * Writes a file, replacing one of that name. One tensor at a time is asked for its data; larger element types come first,
     * otherwise the order stays.
     *
     * @param metadata free text to go with the tensors, by key
     * @throws LockstepException USAGE if there can be no file of that name, ENVIRONMENT if writing fails, as on a full disk
     * @throws IllegalArgumentException if a name occurs twice, or a tensor gives more or less data than its shape holds
     */
    public static void write(Path file, List<NamedTensor> tensors, Map<String, String> metadata) {
        requirePlace(file);
        SafetensorsHeader header = SafetensorsHeader.describing(tensors, metadata);
        Path temporary = file.resolveSibling(".safetensors-" + UUID.randomUUID() + ".part");
        try {
            writeAndMove(temporary, file, header, SafetensorsHeader.inFileOrder(tensors));
        } catch (IOException e) {
            throw Refusal.ofMachine(file, "could not be written: " + Refusal.reason(e), e);
        }
    }

    private static void writeAndMove(Path temporary, Path file, SafetensorsHeader header, List<NamedTensor> tensors)
            throws IOException {
        try {
            try (FileChannel channel = FileChannel.open(temporary, CREATE_NEW, WRITE)) {
                writeHeader(channel, header.toBytes());
                for (NamedTensor tensor : tensors) {
                    writeTensor(channel, tensor);
                }
                channel.force(true);
            }
            Files.move(temporary, file, ATOMIC_MOVE, REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    private static void requirePlace(Path file) {
        if (Files.isDirectory(file)) {
            throw Refusal.of(file, "is a directory: name a file to write");
        }
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw Refusal.of(file, "is a device or the like, not a file that can be replaced");
        }
        Path folder = file.toAbsolutePath().getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            throw Refusal.of(file, "cannot be written: there is no folder " + folder);
        }
    }

    private static void writeHeader(FileChannel channel, byte[] text) throws IOException {
        if (text.length > SafetensorsHeader.LONGEST_BYTES) {
            throw new IllegalArgumentException(
                    "a header of " + text.length + " bytes is longer than the format allows");
        }
        ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        writeAll(channel, length.putLong(text.length).flip());
        writeAll(channel, ByteBuffer.wrap(text));
    }

    private static void writeTensor(FileChannel channel, NamedTensor tensor) throws IOException {
        ByteBuffer data = tensor.data().get().duplicate();
        if (data.remaining() != tensor.type().bytes(tensor.shape())) {
            throw new IllegalArgumentException("tensor '" + tensor.name() + "' of type " + tensor.type() + " and shape "
                    + tensor.shape() + " came with " + data.remaining() + " bytes");
        }
        writeAll(channel, data);
    }

    private static void writeAll(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}

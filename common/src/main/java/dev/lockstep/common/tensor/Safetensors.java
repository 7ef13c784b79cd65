package dev.lockstep.common.tensor;

import static java.nio.file.StandardOpenOption.READ;

import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An open safetensors file: 8 bytes of little-endian header length, a JSON header, the tensors' data. The header is checked as a whole
 * when the file is opened; data is read when it is asked for, and is the caller's, so it outlives {@link #close}.
 *
 * <p>Every refusal is a {@link LockstepException} of one line that names the file, as the user named it, and the tensor. Not
 * thread-safe against {@link #close}.
 */
public final class Safetensors implements FloatTensors, AutoCloseable {
    private final Path file;
    private final FileChannel channel;
    private final long dataOffset;
    private final Map<String, String> metadata;
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

    private Safetensors(Path file, FileChannel channel, long dataOffset, SafetensorsHeader header) {
        this.file = file;
        this.channel = channel;
        this.dataOffset = dataOffset;
        this.metadata = header.metadata();
        header.tensors().forEach(tensor -> tensors.put(tensor.name(), tensor));
    }

    /**
     * Opens a file and checks its header against its size.
     *
     * @throws LockstepException USAGE if it is missing or not a sound safetensors file of the types that Lockstep reads
     */
    public static Safetensors read(Path file) {
        requireFile(file);
        try {
            FileChannel channel = FileChannel.open(file, READ);
            try {
                return open(file, channel);
            } catch (IOException | RuntimeException e) {
                channel.close();
                throw e;
            }
        } catch (IOException e) {
            throw Refusal.of(file, "could not be read: " + Refusal.reason(e), e);
        }
    }

    private static void requireFile(Path file) {
        if (!Files.exists(file)) {
            throw Refusal.of(file, "there is no such file");
        }
        if (Files.isDirectory(file)) {
            throw Refusal.of(file, "is a directory, not a safetensors file");
        }
        if (!Files.isRegularFile(file)) { // opening a pipe would wait for someone to write
            throw Refusal.of(file, "is a device or the like, not a safetensors file");
        }
    }

    private static Safetensors open(Path file, FileChannel channel) throws IOException {
        long fileBytes = channel.size();
        if (fileBytes < Long.BYTES) {
            throw Refusal.of(file, "has only " + fileBytes + " bytes: this is not a safetensors file");
        }
        long headerBytes = fill(channel, ByteBuffer.allocate(Long.BYTES), 0).getLong();
        if (headerBytes < 0 || headerBytes > SafetensorsHeader.LONGEST_BYTES) {
            throw Refusal.of(
                    file,
                    "is not a safetensors file: its header would have " + Long.toUnsignedString(headerBytes)
                            + " bytes");
        }
        long dataOffset = Long.BYTES + headerBytes;
        if (dataOffset > fileBytes) {
            throw Refusal.of(
                    file,
                    "its header should have " + headerBytes + " bytes, but the file has only " + fileBytes
                            + ": it is cut short or not a safetensors file");
        }
        ByteBuffer text = fill(channel, ByteBuffer.allocate((int) headerBytes), Long.BYTES);
        return new Safetensors(file, channel, dataOffset, SafetensorsHeader.parse(file, text, fileBytes - dataOffset));
    }

    /** Names in the order of the data. */
    @Override
    public List<String> names() {
        return List.copyOf(tensors.keySet());
    }

    public boolean contains(String name) {
        return tensors.containsKey(name);
    }

    /** Free text that came with the tensors, by key. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /**
     * What the header says of a tensor.
     *
     * @throws LockstepException USAGE if the file has no such tensor
     */
    public TensorInfo info(String name) {
        TensorInfo tensor = tensors.get(name);
        if (tensor == null) {
            throw Refusal.of(file, "has no tensor " + Refusal.quoted(name));
        }
        return tensor;
    }

    @Override
    public List<Long> shape(String name) {
        return info(name).shape();
    }

    /**
     * Reads a tensor as it stands in the file: little-endian elements in row-major order.
     *
     * @throws LockstepException USAGE if there is no such tensor or it has 2 GiB or more; ENVIRONMENT if reading fails
     */
    public ByteBuffer data(String name) {
        TensorInfo tensor = info(name);
        if (tensor.bytes() > Integer.MAX_VALUE - Long.BYTES) {
            throw Refusal.of(
                    file,
                    "tensor " + Refusal.quoted(name) + " has " + tensor.bytes()
                            + " bytes, but Lockstep reads up to 2 GiB");
        }
        try {
            return fill(channel, ByteBuffer.allocate((int) tensor.bytes()), dataOffset + tensor.begin());
        } catch (IOException e) {
            throw Refusal.ofMachine(
                    file, "tensor " + Refusal.quoted(name) + " could not be read: " + Refusal.reason(e), e);
        }
    }

    private static ByteBuffer fill(FileChannel channel, ByteBuffer buffer, long offset) throws IOException {
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, offset + buffer.position()) < 0) {
                throw new IOException("the file became shorter while it was read");
            }
        }
        return buffer.flip().order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Reads a floating-point tensor; F16 and BF16 are widened, which is exact.
     *
     * @throws LockstepException as {@link #data}, and USAGE if it is I64
     */
    @Override
    public float[] floats(String name) {
        TensorType type = info(name).type();
        return switch (type) {
            case F32 -> {
                ByteBuffer data = data(name);
                float[] values = new float[data.remaining() / Float.BYTES];
                data.asFloatBuffer().get(values);
                yield values;
            }
            case F16 -> HalfPrecision.fromFloat16(data(name).asShortBuffer());
            case BF16 -> HalfPrecision.fromBfloat16(data(name).asShortBuffer());
            case I64 ->
                throw Refusal.of(file, "tensor " + Refusal.quoted(name) + " is I64, but must be floating point");
        };
    }

    /**
     * Reads an I64 tensor.
     *
     * @throws LockstepException as {@link #data}, and USAGE if it is not I64
     */
    public long[] longs(String name) {
        TensorType type = info(name).type();
        if (type != TensorType.I64) {
            throw Refusal.of(file, "tensor " + Refusal.quoted(name) + " is " + type + ", but must be I64");
        }
        ByteBuffer data = data(name);
        long[] values = new long[data.remaining() / Long.BYTES];
        data.asLongBuffer().get(values);
        return values;
    }

    /**
     * Checks a tensor's shape, outermost dimension first.
     *
     * @throws LockstepException USAGE if there is no such tensor or its shape is another
     */
    public TensorInfo requireShape(String name, long... shape) {
        TensorInfo tensor = info(name);
        List<Long> needed = Arrays.stream(shape).boxed().toList();
        if (!tensor.shape().equals(needed)) {
            throw Refusal.of(
                    file,
                    "tensor " + Refusal.quoted(name) + " has shape " + tensor.shape() + ", but the model needs "
                            + needed);
        }
        return tensor;
    }

    /**
     * Checks that the file has every needed tensor, and none but these and the optional ones.
     *
     * @throws LockstepException USAGE, counting and naming what is missing and what is unknown
     */
    public void requireNames(Collection<String> needed, Collection<String> optional) {
        Set<String> missing = new LinkedHashSet<>(needed);
        missing.removeAll(tensors.keySet());
        Set<String> unknown = new LinkedHashSet<>(tensors.keySet());
        needed.forEach(unknown::remove);
        optional.forEach(unknown::remove);
        if (missing.isEmpty() && unknown.isEmpty()) {
            return;
        }
        String misses = missing.isEmpty() ? "" : "misses " + counted(missing, "");
        String has = unknown.isEmpty() ? "" : "has " + counted(unknown, " that the model does not know");
        throw Refusal.of(file, misses + (misses.isEmpty() || has.isEmpty() ? "" : "; ") + has);
    }

    private static String counted(Set<String> names, String which) {
        String first = Refusal.quoted(names.iterator().next());
        return names.size() == 1
                ? "1 tensor" + which + ": " + first
                : names.size() + " tensors" + which + ", first " + first;
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw Refusal.ofMachine(file, "could not be closed: " + Refusal.reason(e), e);
        }
    }
}

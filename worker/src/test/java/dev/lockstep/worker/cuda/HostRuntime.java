package dev.lockstep.worker.cuda;

import com.sun.jna.Pointer;
import dev.lockstep.common.work.ComputeCapability;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * A CUDA runtime whose device memory is the host's, strict about what a real one leaves open: a copy to the host arrives no sooner than
 * the host waits for it, and pinned memory that a copy to the device comes from must stay as it is until then. One per rank.
 */
public class HostRuntime implements CudaRuntime {
    private static final class Copy {
        final long address;
        final byte[] bytes;

        Copy(long address, byte[] bytes) {
            this.address = address;
            this.bytes = bytes;
        }
    }

    private final NavigableMap<Long, Long> pinned = new TreeMap<>();
    private final List<Copy> toHost = new ArrayList<>();
    private final List<Copy> fromPinned = new ArrayList<>();

    /** Addresses of what is pinned now. */
    public List<Long> pinned() {
        return List.copyOf(pinned.keySet());
    }

    @Override
    public void hostRegister(long address, long bytes) {
        if (pinned.putIfAbsent(address, bytes) != null) {
            throw new IllegalStateException("pinned twice");
        }
    }

    @Override
    public void hostUnregister(long address) {
        if (pinned.remove(address) == null) {
            throw new IllegalStateException("was not pinned");
        }
    }

    @Override
    public void copyAsync(long to, long from, long bytes, Direction direction, long stream) {
        byte[] values = read(from, bytes);
        if (direction == Direction.DEVICE_TO_HOST) {
            toHost.add(new Copy(to, values));
            return;
        }
        write(to, values);
        var below = pinned.floorEntry(from);
        if (direction == Direction.HOST_TO_DEVICE && below != null && from < below.getKey() + below.getValue()) {
            fromPinned.add(new Copy(from, values));
        }
    }

    @Override
    public void synchronize(long stream) {
        toHost.forEach(copy -> write(copy.address, copy.bytes));
        toHost.clear();
        for (Copy copy : fromPinned) {
            if (!Arrays.equals(copy.bytes, read(copy.address, copy.bytes.length))) {
                throw new IllegalStateException("pinned memory was changed while it was being copied");
            }
        }
        fromPinned.clear();
    }

    private static byte[] read(long address, long bytes) {
        return new Pointer(address).getByteArray(0, Math.toIntExact(bytes));
    }

    private static void write(long address, byte[] values) {
        new Pointer(address).write(0, values, 0, values.length);
    }

    @Override
    public long createEvent() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void recordEvent(long event, long stream) {
        throw new UnsupportedOperationException();
    }

    @Override
    public boolean isReached(long event) {
        throw new UnsupportedOperationException();
    }

    @Override
    public float elapsedMillis(long start, long end) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void destroyEvent(long event) {
        throw new UnsupportedOperationException();
    }

    @Override
    public DeviceMemory memory() {
        throw new UnsupportedOperationException();
    }

    @Override
    public int deviceCount() {
        throw new UnsupportedOperationException();
    }

    @Override
    public ComputeCapability computeCapability() {
        throw new UnsupportedOperationException();
    }

    @Override
    public int version() {
        throw new UnsupportedOperationException();
    }
}

package dev.lockstep.worker.cuda;

import com.sun.jna.Pointer;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.work.ComputeCapability;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A CUDA runtime whose device memory is the host's, for the engine's CPU tensors to stand for a GPU's. It is as strict as the real one:
 * copies to the host arrive no sooner than the stream is waited for, nor do events; what was not locked, created or recorded is refused.
 * Each event is reached {@link #MILLIS_PER_EVENT} after the one before.
 */
public final class FakeCudaRuntime implements CudaRuntime {
    public static final float MILLIS_PER_EVENT = 1.5f;

    private static final long MIB = 1L << 20;

    /** Bytes by address. */
    public final Map<Long, Long> locked = new HashMap<>();

    public final Set<Long> events = new HashSet<>();
    /** Bytes copied to the device, of memory that was locked. */
    public long lockedBytesCopied;

    public int deviceCount = 1;
    public ComputeCapability capability = new ComputeCapability(9, 0);
    /** Whether locking is refused. */
    public boolean refusesToLock;
    /** Thrown when the stream is waited for next; null for none. */
    public LockstepException failure;

    private final Map<Long, Float> reachedAt = new HashMap<>();
    private final List<Long> recorded = new ArrayList<>();
    private final List<Runnable> pending = new ArrayList<>();
    private long nextEvent = 1;
    private float now;

    /** A GPU of this runtime, whose arrays are the CPU's. */
    public CudaGpu gpu() {
        return new CudaGpu(ai.djl.Device.cpu(), dev.lockstep.worker.libtorch.AutocastMode.DeviceType.CPU, () -> this);
    }

    @Override
    public void hostRegister(long address, long bytes) {
        if (refusesToLock) {
            throw new LockstepException(FailureCategory.DEVICE, "cudaHostRegister failed with cudaErrorNotSupported");
        }
        if (locked.putIfAbsent(address, bytes) != null) {
            throw new LockstepException(FailureCategory.DEVICE, "locked already");
        }
    }

    @Override
    public void hostUnregister(long address) {
        if (locked.remove(address) == null) {
            throw new LockstepException(FailureCategory.DEVICE, "not locked");
        }
    }

    @Override
    public void copyAsync(long to, long from, long bytes, Direction direction, long stream) {
        if (direction == Direction.HOST_TO_DEVICE) {
            // The engine computes at once, so its inputs must be there.
            copy(to, from, bytes);
            if (locked.getOrDefault(from, 0L) >= bytes) {
                lockedBytesCopied += bytes;
            }
        } else {
            pending.add(() -> copy(to, from, bytes));
        }
    }

    private static void copy(long to, long from, long bytes) {
        int length = Math.toIntExact(bytes);
        new Pointer(to).write(0, new Pointer(from).getByteArray(0, length), 0, length);
    }

    @Override
    public void synchronize(long stream) {
        if (failure != null) {
            throw failure;
        }
        pending.forEach(Runnable::run);
        pending.clear();
        for (long event : recorded) {
            now += MILLIS_PER_EVENT;
            reachedAt.put(event, now);
        }
        recorded.clear();
    }

    @Override
    public long createEvent() {
        events.add(nextEvent);
        return nextEvent++;
    }

    @Override
    public void recordEvent(long event, long stream) {
        requireEvent(event);
        reachedAt.remove(event);
        recorded.add(event);
    }

    @Override
    public boolean isReached(long event) {
        requireEvent(event);
        return reachedAt.containsKey(event);
    }

    @Override
    public float elapsedMillis(long start, long end) {
        if (!isReached(start) || !isReached(end)) {
            throw new LockstepException(FailureCategory.DEVICE, "cudaEventElapsedTime failed with cudaErrorNotReady");
        }
        return reachedAt.get(end) - reachedAt.get(start);
    }

    @Override
    public void destroyEvent(long event) {
        requireEvent(event);
        events.remove(event);
    }

    private void requireEvent(long event) {
        if (!events.contains(event)) {
            throw new LockstepException(FailureCategory.DEVICE, "there is no event " + event);
        }
    }

    @Override
    public DeviceMemory memory() {
        return new DeviceMemory(1000 * MIB, 3000 * MIB);
    }

    @Override
    public int deviceCount() {
        return deviceCount;
    }

    @Override
    public ComputeCapability computeCapability() {
        return capability;
    }

    @Override
    public int version() {
        return 12040;
    }
}

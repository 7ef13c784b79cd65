package dev.lockstep.worker.cuda;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import dev.lockstep.common.failure.LockstepException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Host buffers that are locked in place for the GPU's copies. Where the runtime refuses to lock one, copies go through a buffer of its
 * own and the host waits for them: slower, not wrong, so that it is only logged.
 */
public final class PinnedMemory implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PinnedMemory.class);

    private final CudaRuntime runtime;
    private final List<Long> locked = new ArrayList<>();

    /** Nothing is locked yet. */
    public PinnedMemory(CudaRuntime runtime) {
        this.runtime = runtime;
    }

    /**
     * Locks a buffer until {@link #close}, before which it must not be unmapped.
     *
     * @param buffer direct; ask once and keep the answer
     * @return its address
     */
    public long pin(ByteBuffer buffer) {
        long address = Pointer.nativeValue(Native.getDirectBufferPointer(buffer));
        try {
            runtime.hostRegister(address, buffer.capacity());
            locked.add(address);
        } catch (LockstepException e) {
            LOG.warn("{} bytes of shared memory stay unlocked: {}", buffer.capacity(), e.getMessage());
        }
        return address;
    }

    /** Unlocks all; no copy may be under way. */
    @Override
    public void close() {
        while (!locked.isEmpty()) {
            runtime.hostUnregister(locked.remove(locked.size() - 1));
        }
    }
}

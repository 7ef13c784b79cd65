package dev.lockstep.worker.kernel;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;

/** Memory of a process that begins at a multiple of a vector's bytes: of others, each vector is in two lines of the cache. */
final class VectorMemory implements AutoCloseable {
    private final Memory whole;
    private final Memory aligned;

    VectorMemory(long bytes) {
        this.whole = new Memory(bytes + Vector.BYTES);
        this.aligned = whole.align(Vector.BYTES);
    }

    long address() {
        return Pointer.nativeValue(aligned);
    }

    ByteBuffer part(long offset, long bytes) {
        return aligned.getByteBuffer(offset, bytes);
    }

    @Override
    public void close() {
        whole.close();
    }
}

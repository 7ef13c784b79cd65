package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;
import dev.lockstep.worker.libtorch.LibTorch;
import dev.lockstep.worker.libtorch.NativeLibraries;

/**
 * What this process holds outside the Java heap, on Linux: the bytes of libtorch's tensors, exactly, and those of glibc's malloc. Resident
 * memory is no measure for a leak: the Java heap's pages become resident as they are used for the first time.
 *
 * <p>libtorch counts the tensors that are made while this is open.
 */
final class NativeMemory implements AutoCloseable {
    private static final String COUNTS = "FLAGS_caffe2_report_cpu_memory_usage";
    private static final String COUNTER = "_ZN3c1025profiledCPUMemoryReporterEv";
    /** Words of the counter that are searched for the one that holds the bytes. */
    private static final int COUNTER_WORDS = 16;

    private final Functions functions = Native.load("c", Functions.class);
    private final Pointer counts;
    private final Pointer counter;
    private final long offset;

    /** The C library, from glibc 2.33 on. */
    public interface Functions extends Library {
        /** What malloc has, of all its arenas. */
        Information mallinfo2();
    }

    /** glibc's struct mallinfo2, by its names. */
    @FieldOrder({
        "arena",
        "ordblks",
        "smblks",
        "hblks",
        "hblkhd",
        "usmblks",
        "fsmblks",
        "uordblks",
        "fordblks",
        "keepcost"
    })
    public static final class Information extends Structure implements Structure.ByValue {
        public long arena;
        public long ordblks;
        public long smblks;
        public long hblks;
        public long hblkhd;
        public long usmblks;
        public long fsmblks;
        public long uordblks;
        public long fordblks;
        public long keepcost;
    }

    NativeMemory() {
        try (NDManager manager = LibTorch.load().newBaseManager()) {
            NativeLibrary library = NativeLibrary.getInstance(
                    NativeLibraries.find("libc10.").orElseThrow().toString());
            counts = library.getGlobalVariableAddress(COUNTS);
            counter = library.getFunction(COUNTER).invokePointer(new Object[0]);
            counts.setByte(0, (byte) 1);
            offset = findBytes(manager);
        }
    }

    /** The counter's members are private to it: the one that is meant rises by just the size of a new tensor, and falls again. */
    private long findBytes(NDManager manager) {
        int size = 1_234_567;
        long[] before = counter.getLongArray(0, COUNTER_WORDS);
        NDArray tensor = manager.create(new Shape(size), DataType.INT8);
        long[] with = counter.getLongArray(0, COUNTER_WORDS);
        tensor.close();
        long[] after = counter.getLongArray(0, COUNTER_WORDS);
        for (int word = 0; word < COUNTER_WORDS; word++) {
            if (with[word] - before[word] == size && after[word] == before[word]) {
                return (long) word * Long.BYTES;
            }
        }
        close();
        throw new IllegalStateException("libtorch does not count a tensor of " + size + " bytes");
    }

    /** Bytes of all tensors in libtorch's own memory that were made since, and are not freed. */
    long tensorBytes() {
        return counter.getLong(offset);
    }

    /** Bytes that malloc has handed out and not got back; what the Java virtual machine's compilers work with is in it. */
    long mallocedBytes() {
        Information information = functions.mallinfo2();
        return information.uordblks + information.hblkhd;
    }

    @Override
    public void close() {
        counts.setByte(0, (byte) 0);
    }
}

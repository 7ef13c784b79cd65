package dev.lockstep.worker.cuda;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.worker.cuda.AllocatorStatistics.AllocatedBytes;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The peak of what libtorch holds in tensors: {@code torch.cuda.max_memory_allocated}. */
public final class AllocatedMemory implements PeakMemory {
    /** No multiple of a block, a page or a segment, so that it moves no other figure by as much. */
    static final int PROBE_BYTES = (64 << 20) + 256;
    /** To the allocator's blocks of 512 bytes. */
    static final int PROBE_ALLOCATED_BYTES = (64 << 20) + 512;

    private static final Logger LOG = LoggerFactory.getLogger(AllocatedMemory.class);
    private static final double BYTES_PER_MIB = 1024.0 * 1024.0;

    private final AllocatorStatistics statistics;

    private AllocatedMemory(AllocatorStatistics statistics) {
        this.statistics = statistics;
    }

    /**
     * The figure of the libtorch that is loaded, checked against a tensor of known size; the device's own if that fails, which is logged.
     *
     * @param manager makes arrays on the GPU
     */
    public static PeakMemory orDeviceUsed(NDManager manager, CudaRuntime runtime) {
        Optional<AllocatorStatistics> statistics = AllocatorStatistics.ofLoadedLibtorch();
        if (statistics.isEmpty()) {
            LOG.warn("this libtorch's figures of allocated memory are not known: the device's own figure is reported");
            return new DeviceUsed(runtime);
        }
        return checked(statistics.get(), manager, runtime);
    }

    static PeakMemory checked(AllocatorStatistics statistics, NDManager manager, CudaRuntime runtime) {
        String wrong = check(statistics, manager);
        if (wrong != null) {
            LOG.warn(
                    "libtorch's figures of allocated memory are not what they seem ({}): the device's own figure is"
                            + " reported",
                    wrong);
            return new DeviceUsed(runtime);
        }
        return new AllocatedMemory(statistics);
    }

    /** Null when the books move exactly as a tensor comes and goes, else how they did not. */
    private static String check(AllocatorStatistics statistics, NDManager manager) {
        try (NDArray first = manager.zeros(new Shape(1), DataType.INT8)) {
            if (!statistics.isInitialized()) {
                return "the allocator knows no device beside a tensor of " + first.size() + " byte";
            }
            statistics.resetPeak();
            AllocatedBytes before = statistics.allocated();
            AllocatedBytes during;
            try (NDArray probe = manager.create(new Shape(PROBE_BYTES), DataType.INT8)) {
                during = statistics.allocated();
                assert probe != null;
            }
            AllocatedBytes after = statistics.allocated();
            statistics.resetPeak();
            AllocatedBytes reset = statistics.allocated();
            boolean right = before.peak() == before.current()
                    && during.equals(moved(before, PROBE_ALLOCATED_BYTES))
                    && after.equals(new AllocatedBytes(before.current(), during.peak()))
                    && reset.equals(before);
            return right
                    ? null
                    : "before, during and after " + PROBE_BYTES + " bytes: " + before + ", " + during + ", " + after
                            + ", then " + reset;
        }
    }

    private static AllocatedBytes moved(AllocatedBytes from, long bytes) {
        return new AllocatedBytes(from.current() + bytes, from.current() + bytes);
    }

    @Override
    public String kind() {
        return "peak-allocated";
    }

    @Override
    public void reset() {
        statistics.resetPeak();
    }

    @Override
    public double peakMiB() {
        return statistics.allocated().peak() / BYTES_PER_MIB;
    }
}

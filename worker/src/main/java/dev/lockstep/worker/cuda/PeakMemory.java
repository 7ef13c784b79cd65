package dev.lockstep.worker.cuda;

/** How much of a GPU's memory a measurement takes. */
public interface PeakMemory {
    /** What the figure is, as {@code memoryMiB.kind} in the report. */
    String kind();

    /** Starts a measurement. */
    void reset();

    /** The figure since {@link #reset}, in MiB. */
    double peakMiB();

    /**
     * The device's own figure when libtorch's cannot be had: what all processes hold at the moment of asking. libtorch keeps what it
     * once took, so that at a measurement's end this is no less than the measurement's peak.
     */
    record DeviceUsed(CudaRuntime runtime) implements PeakMemory {
        private static final double BYTES_PER_MIB = 1024.0 * 1024.0;

        @Override
        public String kind() {
            return "device-used";
        }

        @Override
        public void reset() {
            // The driver keeps no peak.
        }

        @Override
        public double peakMiB() {
            CudaRuntime.DeviceMemory memory = runtime.memory();
            return (memory.totalBytes() - memory.freeBytes()) / BYTES_PER_MIB;
        }
    }
}

package dev.lockstep.common.work;

/**
 * A replica at the end of a measurement.
 *
 * @param parameterChecksum CRC-32C over the flat parameters' bytes, eight hex digits
 * @param peakMemoryMiB peak of the measurement; null where the platform does not tell
 * @param memoryKind what that figure is, as {@code memoryMiB.kind} in the report; null with it
 * @param amp null in full precision
 * @param tf32 whether convolutions may have used TF32
 * @param deviceUsedMiB what all processes held of the GPU's memory at the end; null on a CPU
 */
public record ReplicaSummary(
        String parameterChecksum,
        Double peakMemoryMiB,
        String memoryKind,
        AmpSummary amp,
        boolean tf32,
        Double deviceUsedMiB) {
    /** A replica on a CPU. */
    public ReplicaSummary(
            String parameterChecksum, Double peakMemoryMiB, String memoryKind, AmpSummary amp, boolean tf32) {
        this(parameterChecksum, peakMemoryMiB, memoryKind, amp, tf32, null);
    }
}

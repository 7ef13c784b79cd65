package dev.lockstep.common.work;

/**
 * A replica at the end of a measurement.
 *
 * @param parameterChecksum CRC-32C over the flat parameters' bytes, eight hex digits
 * @param peakMemoryMiB peak of the measurement; null where the platform does not tell
 * @param memoryKind what that figure is, as {@code memoryMiB.kind} in the report; null with it
 */
public record ReplicaSummary(String parameterChecksum, Double peakMemoryMiB, String memoryKind) {}

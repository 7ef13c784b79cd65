package dev.lockstep.common.work;

/**
 * How one step went on one rank.
 *
 * @param step the command's number
 * @param stepNanos wall-clock time from the end of the previous step on this rank to the end of this one, so that waiting for the
 *     command or for data is in it; the first step of a measurement counts from the moment its command arrived
 * @param waitNanos the part of the phases that was spent at barriers
 * @param loss mean cross-entropy over the whole batch, on rank 0; null on the others
 * @param gpu null on a CPU
 */
public record StepReport(long step, long stepNanos, PhaseNanos phases, long waitNanos, Double loss, GpuNanos gpu) {
    /** A step on a CPU. */
    public StepReport(long step, long stepNanos, PhaseNanos phases, long waitNanos, Double loss) {
        this(step, stepNanos, phases, waitNanos, loss, null);
    }
}

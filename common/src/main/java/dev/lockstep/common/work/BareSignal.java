package dev.lockstep.common.work;

/**
 * What a bare training loop and the process that drives it say to each other, each a line with the constant's name. The driver begins
 * with a {@link BareOrder} as JSON; the loop's {@link BareReport}, as JSON, comes between {@link #GO} and {@link #STOP}.
 */
public enum BareSignal {
    /** The loop: warmed up, and stepping on until it may be measured. */
    READY,
    /** The driver: all loops are ready, begin. */
    GO,
    /** The driver: all loops have reported. Until then each steps on, so that none is measured while another rests. */
    STOP,
    /** The loop: the model is gone and its memory with it; the next order may come. */
    RELEASED
}

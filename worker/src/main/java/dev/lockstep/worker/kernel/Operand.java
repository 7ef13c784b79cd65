package dev.lockstep.worker.kernel;

/** Memory that an instruction reads or writes. */
sealed interface Operand {
    General base();

    /** Memory some bytes after what a register points to. */
    record Address(General base, int offset) implements Operand {}

    /** Memory {@code scale} (1, 2, 4 or 8) times another register's bytes after what a register points to. */
    record IndexedAddress(General base, General index, int scale) implements Operand {}
}

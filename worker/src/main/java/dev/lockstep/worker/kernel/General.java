package dev.lockstep.worker.kernel;

/** A general-purpose register: those that a function may change by Linux's calling convention, and rbx and rbp, which it must restore. */
enum General {
    RAX(0),
    RCX(1),
    RDX(2),
    RBX(3),
    RBP(5),
    RSI(6),
    RDI(7),
    R8(8),
    R9(9),
    R10(10),
    R11(11);

    private final int number;

    General(int number) {
        this.number = number;
    }

    int number() {
        return number;
    }
}

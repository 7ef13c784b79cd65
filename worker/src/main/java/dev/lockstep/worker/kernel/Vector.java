package dev.lockstep.worker.kernel;

/** Register {@code zmm0} to {@code zmm31}: 16 float32 numbers. */
record Vector(int number) {
    static final int COUNT = 32;
    static final int LANES = 16;
    static final int BYTES = LANES * Float.BYTES;

    Vector {
        if (number < 0 || number >= COUNT) {
            throw new IllegalArgumentException("there is no register zmm" + number);
        }
    }
}

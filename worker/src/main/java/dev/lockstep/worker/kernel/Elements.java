package dev.lockstep.worker.kernel;

/** What a kernel's images are made of. It computes in float32 all the same. */
enum Elements {
    FLOAT32(Float.BYTES),
    BFLOAT16(Short.BYTES);

    private final int bytes;

    Elements(int bytes) {
        this.bytes = bytes;
    }

    int bytes() {
        return bytes;
    }
}

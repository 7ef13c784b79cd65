package dev.lockstep.worker.kernel;

import static dev.lockstep.worker.kernel.Encoder.EVEX_WIDE;
import static dev.lockstep.worker.kernel.Encoder.MAP_0F;
import static dev.lockstep.worker.kernel.Encoder.MAP_0F38;
import static dev.lockstep.worker.kernel.Encoder.MAP_0F3A;
import static dev.lockstep.worker.kernel.Encoder.NO_PREFIX;
import static dev.lockstep.worker.kernel.Encoder.PREFIX_66;
import static dev.lockstep.worker.kernel.Encoder.PREFIX_F2;
import static dev.lockstep.worker.kernel.Encoder.PREFIX_F3;
import static dev.lockstep.worker.kernel.Encoder.UNUSED;

import dev.lockstep.worker.kernel.Encoder.InMemory;
import dev.lockstep.worker.kernel.Encoder.Opcode;
import dev.lockstep.worker.kernel.Operand.Address;

/**
 * Writes machine code of x86-64 with AVX-512F: the few instructions that the kernels need, on registers of 16 float32 numbers. Encodings are
 * those of Intel's Software Developer's Manual, volume 2.
 */
final class Assembler {
    /** A jump to a place further on, which is not known yet. */
    record Jump(int end) {}

    static final int CACHE_LINE_BYTES = 64;

    private static final int PREFETCH_ALL_CACHES = 1;
    /** Rounds down, and raises no exception. */
    private static final int DOWN_QUIETLY = 9;
    /** Completes the opcode that shifts. */
    private static final int SHIFT_LEFT = 6;
    /** Completes the opcode that adds and subtracts one. */
    private static final int DECREMENT = 1;

    private static final int JUMP_BYTES = Integer.BYTES;

    private final Encoder encoder = new Encoder();

    byte[] code() {
        return encoder.code();
    }

    // Vectors.

    void load(Vector to, Operand from, Lanes lanes) {
        encoder.vector(new Opcode(MAP_0F, NO_PREFIX, 0x10), to.number(), UNUSED, from, lanes, true, InMemory.ALL);
    }

    void store(Vector from, Operand to, Lanes lanes) {
        encoder.vector(new Opcode(MAP_0F, NO_PREFIX, 0x11), from.number(), UNUSED, to, lanes, false, InMemory.ALL);
    }

    /** Loads numbers of some type as float32. */
    void load(Elements elements, Vector to, Operand from, Lanes lanes) {
        switch (elements) {
            case FLOAT32 -> load(to, from, lanes);
            case BFLOAT16 -> loadHalf(to, from, lanes);
        }
    }

    /** Stores float32 as numbers of some type; may change the register. */
    void store(Elements elements, Vector from, Operand to, Lanes lanes) {
        switch (elements) {
            case FLOAT32 -> store(from, to, lanes);
            case BFLOAT16 -> storeHalf(from, to, lanes);
        }
    }

    /** Loads bfloat16, whose bits are the upper ones of float32. */
    private void loadHalf(Vector to, Operand from, Lanes lanes) {
        encoder.vector(new Opcode(MAP_0F38, PREFIX_66, 0x33), to.number(), UNUSED, from, lanes, true, InMemory.HALF);
        encoder.vector(new Opcode(MAP_0F, PREFIX_66, 0x72), SHIFT_LEFT, to.number(), to.number());
        encoder.bytes(Short.SIZE);
    }

    /** Stores as bfloat16, rounded to the nearest; changes the register. AVX-512BW, VL and BF16 */
    private void storeHalf(Vector from, Operand to, Lanes lanes) {
        encoder.vector(new Opcode(MAP_0F38, PREFIX_F3, 0x72), from.number(), UNUSED, from.number());
        encoder.vector(
                new Opcode(MAP_0F, PREFIX_F2 | EVEX_WIDE, 0x7F),
                from.number(),
                UNUSED,
                to,
                lanes,
                false,
                InMemory.HALF_A_VECTOR);
    }

    /** Begins to bring memory some bytes further into the cache. */
    void prefetch(Operand from, int further) {
        encoder.further(0x18, PREFETCH_ALL_CACHES, from, further);
    }

    /** Loads one number to all lanes. */
    void loadToAll(Vector to, Address from) {
        encoder.vector(
                new Opcode(MAP_0F38, PREFIX_66, 0x18), to.number(), UNUSED, from, Lanes.ALL, false, InMemory.NUMBER);
    }

    /** The same number in all lanes. Changes rax. */
    void broadcast(Vector to, float number) {
        encoder.bytes(0xB8);
        encoder.number(Float.floatToRawIntBits(number));
        encoder.vector(new Opcode(MAP_0F38, PREFIX_66, 0x7C), to.number(), UNUSED, General.RAX.number());
    }

    void copy(Vector to, Vector from) {
        encoder.vector(new Opcode(MAP_0F, NO_PREFIX, 0x28), to.number(), UNUSED, from.number());
    }

    void add(Vector to, Vector a, Vector b) {
        encoder.vector(new Opcode(MAP_0F, NO_PREFIX, 0x58), to.number(), a.number(), b.number());
    }

    void multiply(Vector to, Vector a, Vector b) {
        encoder.vector(new Opcode(MAP_0F, NO_PREFIX, 0x59), to.number(), a.number(), b.number());
    }

    void subtract(Vector to, Vector a, Vector b) {
        encoder.vector(new Opcode(MAP_0F, NO_PREFIX, 0x5C), to.number(), a.number(), b.number());
    }

    void subtract(Vector to, Vector a, Address b) {
        encoder.vector(new Opcode(MAP_0F, NO_PREFIX, 0x5C), to.number(), a.number(), b, Lanes.ALL, false, InMemory.ALL);
    }

    void divide(Vector to, Vector a, Vector b) {
        encoder.vector(new Opcode(MAP_0F, NO_PREFIX, 0x5E), to.number(), a.number(), b.number());
    }

    /** {@code sum += a * b} */
    void multiplyAdd(Vector sum, Vector a, Vector b) {
        encoder.vector(new Opcode(MAP_0F38, PREFIX_66, 0xB8), sum.number(), a.number(), b.number());
    }

    /** {@code product = product * a + b} */
    void multiplyThenAdd(Vector product, Vector a, Vector b) {
        encoder.vector(new Opcode(MAP_0F38, PREFIX_66, 0xA8), product.number(), a.number(), b.number());
    }

    /** {@code product = product * a + b} */
    void multiplyThenAdd(Vector product, Address a, Vector b) {
        encoder.vector(
                new Opcode(MAP_0F38, PREFIX_66, 0x98), product.number(), b.number(), a, Lanes.ALL, false, InMemory.ALL);
    }

    /** {@code product = product * a + b} */
    void multiplyThenAdd(Vector product, Vector a, Address b) {
        encoder.vector(
                new Opcode(MAP_0F38, PREFIX_66, 0xA8), product.number(), a.number(), b, Lanes.ALL, false, InMemory.ALL);
    }

    /** {@code to = from - floor(from)}; AVX-512DQ */
    void fraction(Vector to, Vector from) {
        encoder.vector(new Opcode(MAP_0F3A, PREFIX_66, 0x56), to.number(), UNUSED, from.number());
        encoder.bytes(DOWN_QUIETLY);
    }

    /** {@code to = a * 2^floor(b)} */
    void scale(Vector to, Vector a, Vector b) {
        encoder.vector(new Opcode(MAP_0F38, PREFIX_66, 0x2C), to.number(), a.number(), b.number());
    }

    /** Sets mask register k1 to the low bits of rax. */
    void setMask() {
        encoder.bytes(0xC5, 0xF8, 0x92, 0xC8);
    }

    // Whole numbers and jumps.

    /** Begins a function: keeps rbx and rbp, which belong to the caller, until {@link #finish}. */
    void begin() {
        // push rbx, push rbp
        encoder.bytes(0x53, 0x55);
    }

    void move(General to, General from) {
        encoder.general(0x89, from.number(), to);
    }

    void set(General to, int number) {
        encoder.general(0xC7, UNUSED, to);
        encoder.number(number);
    }

    void move(General to, Address from) {
        encoder.general(0x8B, to.number(), from);
    }

    void move(Address to, General from) {
        encoder.general(0x89, from.number(), to);
    }

    void add(General to, General number) {
        encoder.general(0x01, number.number(), to);
    }

    void add(General to, int number) {
        encoder.general(0x81, UNUSED, to);
        encoder.number(number);
    }

    void add(General to, Address number) {
        encoder.general(0x03, to.number(), number);
    }

    void decrement(Address number) {
        encoder.general(0xFF, DECREMENT, number);
    }

    void decrement(General register) {
        encoder.general(0xFF, DECREMENT, register);
    }

    /** Sets the flags by a register's value, for {@link #jumpIfZero}. */
    void test(General register) {
        encoder.general(0x85, register.number(), register);
    }

    /** The place that the next instruction will have. */
    int here() {
        return encoder.position();
    }

    /** Jumps back if the result before was not zero. */
    void jumpBackUnlessZero(int place) {
        encoder.bytes(0x0F, 0x85);
        encoder.number(place - encoder.position() - JUMP_BYTES);
    }

    /** Jumps forward, if the result before was zero, to where {@link #land} is called. */
    Jump jumpIfZero() {
        encoder.bytes(0x0F, 0x84);
        encoder.number(0);
        return new Jump(encoder.position());
    }

    void land(Jump jump) {
        encoder.numberAt(jump.end - JUMP_BYTES, encoder.position() - jump.end);
    }

    /** Returns to the caller. */
    void finish() {
        // vzeroupper, pop rbp, pop rbx, ret
        encoder.bytes(0xC5, 0xF8, 0x77, 0x5D, 0x5B, 0xC3);
    }
}

package dev.lockstep.worker.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Writes machine code of x86-64 with AVX-512F: the few instructions that the kernels need, on registers of 16 float32 numbers. Encodings are
 * those of Intel's Software Developer's Manual, volume 2.
 */
final class Assembler {
    /** The registers that a function may change by Linux's calling convention. */
    enum General {
        RAX(0),
        RCX(1),
        RDX(2),
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
    }

    /** Register {@code zmm0} to {@code zmm31}. */
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

    /** Memory that an instruction reads or writes. */
    sealed interface Operand {
        General base();
    }

    /** Memory some bytes after what a register points to. */
    record Address(General base, int offset) implements Operand {}

    /** Memory {@code scale} (1, 2, 4 or 8) times another register's bytes after what a register points to. */
    record IndexedAddress(General base, General index, int scale) implements Operand {}

    /** Which lanes of a vector a load or store touches; a load clears the others. */
    enum Lanes {
        ALL,
        /** Those of mask register k1. */
        MASKED
    }

    /** How much of a vector lies in memory. Short distances count in that. */
    private enum InMemory {
        ALL(BITS_512, Vector.BYTES),
        /** Half as many bits of each lane, of a vector of 512 bits. */
        HALF(BITS_512, Vector.BYTES / 2),
        /** A vector of 256 bits. */
        HALF_A_VECTOR(BITS_256, Vector.BYTES / 2);

        private final int length;
        private final int bytes;

        InMemory(int length, int bytes) {
            this.length = length;
            this.bytes = bytes;
        }
    }

    /** A jump to a place further on, which is not known yet. */
    record Jump(int end) {}

    private static final int MAP_0F = 1;
    private static final int MAP_0F38 = 2;
    private static final int MAP_0F3A = 3;
    private static final int NO_PREFIX = 0;
    private static final int PREFIX_66 = 1;
    private static final int PREFIX_F3 = 2;
    private static final int PREFIX_F2 = 3;
    /** EVEX.W, beside the prefix. */
    private static final int EVEX_WIDE = 0x80;

    private static final int BITS_256 = 0x20;
    private static final int BITS_512 = 0x40;
    private static final int UNUSED = 0;
    /** ModRM's upper bits: the operand is a register. */
    private static final int REGISTER = 0xC0;
    /** The operand is memory at a register plus 32 bits. */
    private static final int MEMORY = 0x80;
    /** The operand is memory at a register plus 8 bits, which count what is in memory of a vector. */
    private static final int NEAR_MEMORY = 0x40;
    /** Instead of a base register: another byte names base and index. */
    private static final int INDEXED = 4;

    private static final int LOW = 7;
    private static final int HIGH = 8;
    private static final int HIGHEST = 16;
    /** REX, and REX for 64 bits. */
    private static final int PLAIN = 0x40;

    private static final int WIDE = 0x48;
    private static final int PREFETCH_ALL_CACHES = 1;
    /** Rounds down, and raises no exception. */
    private static final int DOWN_QUIETLY = 9;
    /** In place of a register's number, of the opcode that shifts. */
    private static final int SHIFT_LEFT = 6;

    private static final int CAPACITY = 1 << 16;
    private static final int JUMP_BYTES = Integer.BYTES;

    private final ByteBuffer code = ByteBuffer.allocate(CAPACITY).order(ByteOrder.LITTLE_ENDIAN);

    byte[] code() {
        return Arrays.copyOf(code.array(), code.position());
    }

    // Vectors.

    void load(Vector to, Operand from, Lanes lanes) {
        evex(MAP_0F, NO_PREFIX, 0x10, to.number, UNUSED, from, lanes, true);
    }

    void store(Vector from, Operand to, Lanes lanes) {
        evex(MAP_0F, NO_PREFIX, 0x11, from.number, UNUSED, to, lanes, false);
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
        evex(MAP_0F38, PREFIX_66, 0x33, to.number, UNUSED, from, lanes, true, InMemory.HALF);
        evex(MAP_0F, PREFIX_66, 0x72, SHIFT_LEFT, to.number, to.number);
        bytes(Short.SIZE);
    }

    /** Stores as bfloat16, rounded to the nearest; changes the register. AVX-512BW, VL and BF16 */
    private void storeHalf(Vector from, Operand to, Lanes lanes) {
        evex(MAP_0F38, PREFIX_F3, 0x72, from.number, UNUSED, from.number);
        evex(MAP_0F, PREFIX_F2 | EVEX_WIDE, 0x7F, from.number, UNUSED, to, lanes, false, InMemory.HALF_A_VECTOR);
    }

    /** Begins to bring memory some bytes further into the cache. */
    void prefetch(Operand from, int further) {
        int form = MEMORY | PREFETCH_ALL_CACHES << 3;
        if (from instanceof IndexedAddress place) {
            bytes(
                    PLAIN | high(place.index) >> 2 | high(place.base) >> HIGH_TO_BASE,
                    0x0F,
                    0x18,
                    form | INDEXED,
                    index(place));
        } else {
            bytes(PLAIN | high(from.base()) >> HIGH_TO_BASE, 0x0F, 0x18, form | low(from.base()));
        }
        code.putInt(further);
    }

    /** The same number in all lanes. Changes rax. */
    void broadcast(Vector to, float number) {
        bytes(0xB8);
        code.putInt(Float.floatToRawIntBits(number));
        evex(MAP_0F38, PREFIX_66, 0x7C, to.number, UNUSED, General.RAX.number);
    }

    void copy(Vector to, Vector from) {
        evex(MAP_0F, NO_PREFIX, 0x28, to.number, UNUSED, from.number);
    }

    void add(Vector to, Vector a, Vector b) {
        evex(MAP_0F, NO_PREFIX, 0x58, to.number, a.number, b.number);
    }

    void multiply(Vector to, Vector a, Vector b) {
        evex(MAP_0F, NO_PREFIX, 0x59, to.number, a.number, b.number);
    }

    void subtract(Vector to, Vector a, Vector b) {
        evex(MAP_0F, NO_PREFIX, 0x5C, to.number, a.number, b.number);
    }

    void subtract(Vector to, Vector a, Address b) {
        evex(MAP_0F, NO_PREFIX, 0x5C, to.number, a.number, b, Lanes.ALL, false);
    }

    void divide(Vector to, Vector a, Vector b) {
        evex(MAP_0F, NO_PREFIX, 0x5E, to.number, a.number, b.number);
    }

    /** {@code sum += a * b} */
    void multiplyAdd(Vector sum, Vector a, Vector b) {
        evex(MAP_0F38, PREFIX_66, 0xB8, sum.number, a.number, b.number);
    }

    /** {@code product = product * a + b} */
    void multiplyThenAdd(Vector product, Vector a, Vector b) {
        evex(MAP_0F38, PREFIX_66, 0xA8, product.number, a.number, b.number);
    }

    /** {@code product = product * a + b} */
    void multiplyThenAdd(Vector product, Address a, Vector b) {
        evex(MAP_0F38, PREFIX_66, 0x98, product.number, b.number, a, Lanes.ALL, false);
    }

    /** {@code product = product * a + b} */
    void multiplyThenAdd(Vector product, Vector a, Address b) {
        evex(MAP_0F38, PREFIX_66, 0xA8, product.number, a.number, b, Lanes.ALL, false);
    }

    /** {@code to = from - floor(from)}; AVX-512DQ */
    void fraction(Vector to, Vector from) {
        evex(MAP_0F3A, PREFIX_66, 0x56, to.number, UNUSED, from.number);
        bytes(DOWN_QUIETLY);
    }

    /** {@code to = a * 2^floor(b)} */
    void scale(Vector to, Vector a, Vector b) {
        evex(MAP_0F38, PREFIX_66, 0x2C, to.number, a.number, b.number);
    }

    /** Sets mask register k1 to the low bits of rax. */
    void setMask() {
        bytes(0xC5, 0xF8, 0x92, 0xC8);
    }

    // Whole numbers and jumps.

    void move(General to, General from) {
        bytes(WIDE | high(from) >> 1 | high(to) >> HIGH_TO_BASE, 0x89, REGISTER | low(from) << 3 | low(to));
    }

    void set(General to, int number) {
        bytes(WIDE | high(to) >> HIGH_TO_BASE, 0xC7, REGISTER | low(to));
        code.putInt(number);
    }

    void move(General to, Address from) {
        general(0x8B, to, from);
    }

    void move(Address to, General from) {
        general(0x89, from, to);
    }

    void add(General to, General number) {
        bytes(WIDE | high(number) >> 1 | high(to) >> HIGH_TO_BASE, 0x01, REGISTER | low(number) << 3 | low(to));
    }

    void add(General to, int number) {
        bytes(WIDE | high(to) >> HIGH_TO_BASE, 0x81, REGISTER | low(to));
        code.putInt(number);
    }

    void add(General to, Address number) {
        general(0x03, to, number);
    }

    void decrement(Address number) {
        bytes(WIDE | high(number.base) >> HIGH_TO_BASE, 0xFF, MEMORY | 1 << 3 | low(number.base));
        code.putInt(number.offset);
    }

    void decrement(General register) {
        bytes(WIDE | high(register) >> HIGH_TO_BASE, 0xFF, REGISTER | 1 << 3 | low(register));
    }

    /** Sets the flags by a register's value, for {@link #jumpIfZero}. */
    void test(General register) {
        bytes(
                WIDE | high(register) >> 1 | high(register) >> HIGH_TO_BASE,
                0x85,
                REGISTER | low(register) << 3 | low(register));
    }

    /** The place that the next instruction will have. */
    int here() {
        return code.position();
    }

    /** Jumps back if the result before was not zero. */
    void jumpBackUnlessZero(int place) {
        bytes(0x0F, 0x85);
        code.putInt(place - code.position() - JUMP_BYTES);
    }

    /** Jumps forward, if the result before was zero, to where {@link #land} is called. */
    Jump jumpIfZero() {
        bytes(0x0F, 0x84);
        code.putInt(0);
        return new Jump(code.position());
    }

    void land(Jump jump) {
        code.putInt(jump.end - JUMP_BYTES, code.position() - jump.end);
    }

    /** Returns to the caller. */
    void finish() {
        // vzeroupper, ret
        bytes(0xC5, 0xF8, 0x77, 0xC3);
    }

    // Encodings.

    private static final int HIGH_TO_BASE = 3;

    private static int low(General register) {
        return register.number & LOW;
    }

    private static int high(General register) {
        return register.number & HIGH;
    }

    private void general(int opcode, General register, Address address) {
        bytes(
                WIDE | high(register) >> 1 | high(address.base) >> HIGH_TO_BASE,
                opcode,
                MEMORY | low(register) << 3 | low(address.base));
        code.putInt(address.offset);
    }

    private void evex(int map, int prefix, int opcode, int register, int first, int operand) {
        evexPrefix(map, prefix, register, first, operand & HIGH, operand & HIGHEST, BITS_512);
        bytes(opcode, REGISTER | (register & LOW) << 3 | (operand & LOW));
    }

    private void evex(
            int map, int prefix, int opcode, int register, int first, Operand operand, Lanes lanes, boolean clears) {
        evex(map, prefix, opcode, register, first, operand, lanes, clears, InMemory.ALL);
    }

    private void evex(
            int map,
            int prefix,
            int opcode,
            int register,
            int first,
            Operand operand,
            Lanes lanes,
            boolean clears,
            InMemory memory) {
        int options = mask(lanes, clears) | memory.length;
        int form = (register & LOW) << 3;
        if (operand instanceof IndexedAddress place) {
            // What is a register operand's highest bit belongs to the index here.
            evexPrefix(map, prefix, register, first, high(place.base), high(place.index) << 1, options);
            bytes(opcode, NEAR_MEMORY | form | INDEXED, index(place), 0);
        } else if (operand instanceof Address place) {
            evexPrefix(map, prefix, register, first, high(place.base), 0, options);
            int distance = place.offset / memory.bytes;
            if (place.offset % memory.bytes == 0 && distance == (byte) distance) {
                bytes(opcode, NEAR_MEMORY | form | low(place.base), distance);
            } else {
                bytes(opcode, MEMORY | form | low(place.base));
                code.putInt(place.offset);
            }
        }
    }

    /** The byte that names index and base. */
    private static int index(IndexedAddress place) {
        return Integer.numberOfTrailingZeros(place.scale) << 6 | low(place.index) << 3 | low(place.base);
    }

    /** Mask k1, if any, and bit 7 if the lanes that are left out become zero. */
    private static int mask(Lanes lanes, boolean clears) {
        return switch (lanes) {
            case ALL -> 0;
            case MASKED -> clears ? 0x81 : 1;
        };
    }

    /** The four bytes of EVEX. Register bits beyond the third are written inverted. */
    private void evexPrefix(
            int map, int prefix, int register, int first, int operandHigh, int operandHighest, int options) {
        bytes(
                0x62,
                inverted(register & HIGH, 0x80)
                        | inverted(operandHighest, 0x40)
                        | inverted(operandHigh, 0x20)
                        | inverted(register & HIGHEST, 0x10)
                        | map,
                (~first & 0xF) << 3 | 4 | prefix,
                options | inverted(first & HIGHEST, 0x08));
    }

    private static int inverted(int bit, int place) {
        return bit == 0 ? place : 0;
    }

    private void bytes(int... values) {
        for (int value : values) {
            code.put((byte) value);
        }
    }
}

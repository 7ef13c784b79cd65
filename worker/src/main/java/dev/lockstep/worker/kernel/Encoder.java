package dev.lockstep.worker.kernel;

import dev.lockstep.worker.kernel.Operand.Address;
import dev.lockstep.worker.kernel.Operand.IndexedAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Writes the bytes of instructions: prefixes, registers, memory. Encodings are those of Intel's Software Developer's Manual, volume 2. */
final class Encoder {
    /** An opcode's map, prefix and byte. */
    record Opcode(int map, int prefix, int number) {}

    /** How much of a vector lies in memory. Short distances count in that. */
    enum InMemory {
        ALL(BITS_512, Vector.BYTES),
        /** Half as many bits of each lane, of a vector of 512 bits. */
        HALF(BITS_512, Vector.BYTES / 2),
        /** A vector of 256 bits. */
        HALF_A_VECTOR(BITS_256, Vector.BYTES / 2),
        /** One number, for a vector of 512 bits. */
        NUMBER(BITS_512, Float.BYTES);

        private final int length;
        private final int bytes;

        InMemory(int length, int bytes) {
            this.length = length;
            this.bytes = bytes;
        }
    }

    static final int MAP_0F = 1;
    static final int MAP_0F38 = 2;
    static final int MAP_0F3A = 3;
    static final int NO_PREFIX = 0;
    static final int PREFIX_66 = 1;
    static final int PREFIX_F3 = 2;
    static final int PREFIX_F2 = 3;
    /** EVEX.W, beside the prefix. */
    static final int EVEX_WIDE = 0x80;
    /** In place of a register's number. */
    static final int UNUSED = 0;

    private static final int BITS_256 = 0x20;
    private static final int BITS_512 = 0x40;
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
    /** From a register's fourth bit to REX's, which the operand's base has, and the index, and the register. */
    private static final int HIGH_TO_BASE = 3;

    private static final int HIGH_TO_INDEX = 2;
    private static final int HIGH_TO_REGISTER = 1;
    /** REX, and REX for 64 bits. */
    private static final int PLAIN = 0x40;

    private static final int WIDE = 0x48;

    private static final int CAPACITY = 1 << 16;

    private final ByteBuffer code = ByteBuffer.allocate(CAPACITY).order(ByteOrder.LITTLE_ENDIAN);

    byte[] code() {
        return Arrays.copyOf(code.array(), code.position());
    }

    int position() {
        return code.position();
    }

    void bytes(int... values) {
        for (int value : values) {
            code.put((byte) value);
        }
    }

    void number(int value) {
        code.putInt(value);
    }

    void numberAt(int place, int value) {
        code.putInt(place, value);
    }

    // General-purpose registers, 64 bits.

    /** @param register a register's number, or what completes the opcode in its place */
    void general(int opcode, int register, General operand) {
        bytes(
                WIDE | (register & HIGH) >> HIGH_TO_REGISTER | high(operand) >> HIGH_TO_BASE,
                opcode,
                REGISTER | (register & LOW) << 3 | low(operand));
    }

    /** @param register a register's number, or what completes the opcode in its place */
    void general(int opcode, int register, Address operand) {
        bytes(
                WIDE | (register & HIGH) >> HIGH_TO_REGISTER | high(operand.base()) >> HIGH_TO_BASE,
                opcode,
                MEMORY | (register & LOW) << 3 | low(operand.base()));
        number(operand.offset());
    }

    /** Of an opcode of map 0F that a number completes, of memory so many bytes after an operand's. */
    void further(int opcode, int completion, Operand operand, int further) {
        int form = MEMORY | completion << 3;
        if (operand instanceof IndexedAddress place) {
            bytes(
                    PLAIN | high(place.index()) >> HIGH_TO_INDEX | high(place.base()) >> HIGH_TO_BASE,
                    0x0F,
                    opcode,
                    form | INDEXED,
                    index(place));
        } else {
            bytes(PLAIN | high(operand.base()) >> HIGH_TO_BASE, 0x0F, opcode, form | low(operand.base()));
        }
        number(further);
    }

    // Vectors.

    void vector(Opcode opcode, int register, int first, int operand) {
        evexPrefix(opcode, register, first, operand & HIGH, operand & HIGHEST, BITS_512);
        bytes(opcode.number, REGISTER | (register & LOW) << 3 | (operand & LOW));
    }

    /** @param clears whether lanes that are left out become zero: a store's stay as they are */
    void vector(Opcode opcode, int register, int first, Operand operand, Lanes lanes, boolean clears, InMemory memory) {
        int options = mask(lanes, clears) | memory.length;
        int form = (register & LOW) << 3;
        if (operand instanceof IndexedAddress place) {
            // What is a register operand's highest bit belongs to the index here.
            evexPrefix(opcode, register, first, high(place.base()), high(place.index()) << 1, options);
            bytes(opcode.number, NEAR_MEMORY | form | INDEXED, index(place), 0);
        } else if (operand instanceof Address place) {
            evexPrefix(opcode, register, first, high(place.base()), 0, options);
            int distance = place.offset() / memory.bytes;
            if (place.offset() % memory.bytes == 0 && distance == (byte) distance) {
                bytes(opcode.number, NEAR_MEMORY | form | low(place.base()), distance);
            } else {
                bytes(opcode.number, MEMORY | form | low(place.base()));
                number(place.offset());
            }
        }
    }

    /** The four bytes of EVEX. Register bits beyond the third are written inverted. */
    private void evexPrefix(Opcode opcode, int register, int first, int operandHigh, int operandHighest, int options) {
        bytes(
                0x62,
                inverted(register & HIGH, 0x80)
                        | inverted(operandHighest, 0x40)
                        | inverted(operandHigh, 0x20)
                        | inverted(register & HIGHEST, 0x10)
                        | opcode.map,
                (~first & 0xF) << 3 | 4 | opcode.prefix,
                options | inverted(first & HIGHEST, 0x08));
    }

    private static int low(General register) {
        return register.number() & LOW;
    }

    private static int high(General register) {
        return register.number() & HIGH;
    }

    /** The byte that names index and base. */
    private static int index(IndexedAddress place) {
        return Integer.numberOfTrailingZeros(place.scale()) << 6 | low(place.index()) << 3 | low(place.base());
    }

    /** Mask k1, if any, and bit 7 if the lanes that are left out become zero. */
    private static int mask(Lanes lanes, boolean clears) {
        return switch (lanes) {
            case ALL -> 0;
            case MASKED -> clears ? 0x81 : 1;
        };
    }

    private static int inverted(int bit, int place) {
        return bit == 0 ? place : 0;
    }
}

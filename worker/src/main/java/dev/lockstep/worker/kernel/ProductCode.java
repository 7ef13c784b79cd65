package dev.lockstep.worker.kernel;

import dev.lockstep.worker.kernel.Assembler.Jump;
import dev.lockstep.worker.kernel.Operand.Address;

/**
 * The machine code of a product of matrices of float32, C = A B or C += A B, where B and C have a number of columns that is known beforehand.
 *
 * <p>A tile of C, some rows by some vectors, stays in registers while all of A's columns go by: a row of B's vectors is loaded, and for each row of
 * the tile a number of A. What is left of rows goes one by one.
 */
final class ProductCode {
    // What a kernel reads through its one argument, by index of a long. It counts tiles and rows down.
    static final int A = 0;
    static final int B = 1;
    static final int C = 2;
    /** Columns of A, and rows of B. */
    static final int DEPTH = 3;

    static final int TILES = 4;
    static final int ROWS_LEFT = 5;
    static final int ARGUMENTS = 6;

    private static final Vector ZERO = new Vector(Vector.COUNT - 1);

    /**
     * Where numbers lie, in bytes, and how they are gone through.
     *
     * @param rows of a tile
     * @param vectors of a tile; with one for B's each, and two, they fit into the registers
     * @param columns of B and C; those of a row lie side by side
     * @param rowOfA from a row of A to the next
     * @param columnOfA from a column of A to the next
     * @param rowOfB from a row of B to the next
     * @param rowOfC from a row of C to the next
     * @param adds whether the product is added to what C holds
     */
    record Geometry(
            int rows, int vectors, int columns, int rowOfA, int columnOfA, int rowOfB, int rowOfC, boolean adds) {}

    private final Assembler code = new Assembler();
    private final Geometry geometry;

    private ProductCode(Geometry geometry) {
        this.geometry = geometry;
    }

    static byte[] of(Geometry geometry) {
        return new ProductCode(geometry).write();
    }

    private static Address argument(int index) {
        return new Address(General.RDI, index * Long.BYTES);
    }

    /** r8 and r11 point to a tile's rows in A and C, r10 and r9 to its columns in B and C. */
    private byte[] write() {
        code.begin();
        code.broadcast(ZERO, 0);
        code.set(General.RAX, (1 << geometry.columns % Vector.LANES) - 1);
        code.setMask();
        code.move(General.R8, argument(A));
        code.move(General.R11, argument(C));
        rows(geometry.rows, TILES);
        rows(1, ROWS_LEFT);
        code.finish();
        return code.code();
    }

    private void rows(int rows, int count) {
        code.move(General.RAX, argument(count));
        code.test(General.RAX);
        Jump none = code.jumpIfZero();
        int again = code.here();
        columns(rows);
        code.add(General.R8, rows * geometry.rowOfA);
        code.add(General.R11, rows * geometry.rowOfC);
        code.decrement(argument(count));
        code.jumpBackUnlessZero(again);
        code.land(none);
    }

    private void columns(int rows) {
        code.move(General.R10, argument(B));
        code.move(General.R9, General.R11);
        int whole = geometry.columns / Vector.LANES;
        int tiles = whole / geometry.vectors;
        if (tiles > 0) {
            code.set(General.RCX, tiles);
            int again = code.here();
            tile(rows, geometry.vectors, Lanes.ALL);
            code.add(General.R10, geometry.vectors * Vector.BYTES);
            code.add(General.R9, geometry.vectors * Vector.BYTES);
            code.decrement(General.RCX);
            code.jumpBackUnlessZero(again);
        }
        boolean narrow = geometry.columns > whole * Vector.LANES;
        int left = whole - tiles * geometry.vectors + (narrow ? 1 : 0);
        if (left > 0) {
            tile(rows, left, narrow ? Lanes.MASKED : Lanes.ALL);
        }
    }

    /** @param last lanes of the last vector */
    private void tile(int rows, int vectors, Lanes last) {
        int sums = rows * vectors;
        for (int i = 0; i < sums; i++) {
            code.copy(new Vector(i), ZERO);
        }
        Vector number = new Vector(sums + vectors);
        code.move(General.RSI, General.R8);
        code.move(General.RDX, General.R10);
        code.move(General.RAX, argument(DEPTH));
        int again = code.here();
        for (int v = 0; v < vectors; v++) {
            code.load(new Vector(sums + v), new Address(General.RDX, v * Vector.BYTES), lanes(v, vectors, last));
        }
        for (int row = 0; row < rows; row++) {
            code.loadToAll(number, new Address(General.RSI, row * geometry.rowOfA));
            for (int v = 0; v < vectors; v++) {
                code.multiplyAdd(new Vector(row * vectors + v), number, new Vector(sums + v));
            }
        }
        code.add(General.RSI, geometry.columnOfA);
        code.add(General.RDX, geometry.rowOfB);
        code.decrement(General.RAX);
        code.jumpBackUnlessZero(again);
        for (int row = 0; row < rows; row++) {
            for (int v = 0; v < vectors; v++) {
                store(
                        new Vector(row * vectors + v),
                        number,
                        row * geometry.rowOfC + v * Vector.BYTES,
                        lanes(v, vectors, last));
            }
        }
    }

    private void store(Vector sum, Vector held, int offset, Lanes lanes) {
        Address place = new Address(General.R9, offset);
        if (geometry.adds) {
            code.load(held, place, lanes);
            code.add(sum, sum, held);
        }
        code.store(sum, place, lanes);
    }

    private static Lanes lanes(int vector, int vectors, Lanes last) {
        return vector == vectors - 1 ? last : Lanes.ALL;
    }
}

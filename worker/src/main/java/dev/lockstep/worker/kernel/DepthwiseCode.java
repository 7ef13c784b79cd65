package dev.lockstep.worker.kernel;

import dev.lockstep.worker.kernel.Operand.Address;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * The machine code of {@link Depthwise} for images of one width and one number of channels. A kernel goes through images, the output's rows, their
 * pixels by tiles, and the pixels' channels by blocks of 16. For a block of a tile it goes through the filter's rows that lie within the image;
 * the columns that do not are left out of the code.
 *
 * <p>Of a filter's row, each pixel of the input is loaded once, and used with all outputs of the tile that it reaches.
 *
 * <p>The gradient by the input is a convolution, too, of the output's gradient by the filter turned around: by a stride of two, of every second
 * row and column of it, and which ones depends on where one is. There, input means the output's gradient, and output the input's.
 */
final class DepthwiseCode {
    // What a kernel reads through its one argument, by index of a long. It counts the last three, and the input, on.
    static final int INPUT = 0;
    static final int OUTPUT = 1;
    /** Of each block, the filter or its gradient: [kernel, kernel, 16]. */
    static final int FILTER = 2;
    /** Of each of the output's rows, where it begins: bytes from the image's beginning, bytes from the filter's, rows of the filter. */
    static final int ROWS = 3;

    static final int IMAGE_BYTES = 4;
    static final int OUTPUT_ROWS = 5;
    static final int IMAGES_TO_DO = 6;
    static final int ROWS_TO_DO = 7;
    static final int TILES_TO_DO = 8;
    static final int ARGUMENTS = 9;

    static final int ROW_ENTRIES = 3;

    /** Output pixels at a time, at most: a divisor of the widths of 224-pixel images. */
    private static final int TILE = 14;

    private static final int INPUT_REGISTER = 26;
    private static final Vector LOADED = new Vector(INPUT_REGISTER);
    private static final Vector ZERO = new Vector(27);

    /**
     * What the code depends on.
     *
     * @param kernel height and width of the filter, odd; the padding keeps the size at a stride of 1
     * @param width of the input
     */
    record Geometry(Elements elements, int kernel, int stride, int width, int channels) {
        int padding() {
            return (kernel - 1) / 2;
        }

        int outputs(int inputs) {
            return (inputs - 1) / stride + 1;
        }

        int pixelBytes() {
            return channels * elements.bytes();
        }

        int blocks() {
            return (channels + Vector.LANES - 1) / Vector.LANES;
        }

        long rowBytes() {
            return (long) width * pixelBytes();
        }

        long outputRowBytes() {
            return (long) outputs(width) * pixelBytes();
        }

        int filterRowBytes() {
            return kernel * Vector.BYTES;
        }

        int filterBytes() {
            return kernel * filterRowBytes();
        }
    }

    /**
     * Some of a row's output pixels.
     *
     * @param first the first of the input's columns that they read, counted from where the first one's filter has its middle
     * @param last the last of those
     */
    private record Tile(int outputs, int first, int last) {}

    /** What is done with a block of a tile. */
    private interface Block {
        void write(DepthwiseCode code, Tile tile, Lanes lanes);
    }

    private final Assembler code = new Assembler();
    private final Geometry geometry;
    private final boolean backward;
    private final Block block;

    private DepthwiseCode(Geometry geometry, boolean backward, Block block) {
        this.geometry = geometry;
        this.backward = backward;
        this.block = block;
    }

    /** Writes the output. */
    static byte[] convolution(Geometry geometry) {
        return new DepthwiseCode(geometry, false, DepthwiseCode::convolution).write();
    }

    /** Reads the output's gradient and writes the input's, by the filter turned around. */
    static byte[] inputGradient(Geometry geometry) {
        return new DepthwiseCode(geometry, true, DepthwiseCode::convolution).write();
    }

    /** Reads the output's gradient and adds to the filter's. */
    static byte[] filterGradient(Geometry geometry) {
        return new DepthwiseCode(geometry, false, DepthwiseCode::filterGradient).write();
    }

    private static Address argument(int index) {
        return new Address(General.RDI, index * Long.BYTES);
    }

    /**
     * rsi and rdx point to a tile's first pixel in input and output, rbx and rbp to where it is in the rows that are asked for ahead, r9 to the row's
     * entries, r10 to the block's filter.
     */
    private byte[] write() {
        code.begin();
        code.broadcast(ZERO, 0);
        int rest = geometry.channels() % Vector.LANES;
        code.set(General.RAX, (1 << rest) - 1);
        code.setMask();
        code.move(General.RDX, argument(OUTPUT));
        int image = code.here();
        code.move(General.RAX, argument(OUTPUT_ROWS));
        code.move(argument(ROWS_TO_DO), General.RAX);
        code.move(General.R9, argument(ROWS));
        int row = code.here();
        code.move(General.RSI, argument(INPUT));
        code.add(General.RSI, new Address(General.R9, 0));
        tiles();
        code.add(General.R9, ROW_ENTRIES * Long.BYTES);
        code.decrement(argument(ROWS_TO_DO));
        code.jumpBackUnlessZero(row);
        code.move(General.RAX, argument(INPUT));
        code.add(General.RAX, argument(IMAGE_BYTES));
        code.move(argument(INPUT), General.RAX);
        code.decrement(argument(IMAGES_TO_DO));
        code.jumpBackUnlessZero(image);
        code.finish();
        return code.code();
    }

    private void tiles() {
        List<Tile> tiles = split();
        int next = 0;
        while (next < tiles.size()) {
            Tile tile = tiles.get(next);
            int first = next;
            while (next < tiles.size() && tiles.get(next).equals(tile)) {
                next++;
            }
            int count = next - first;
            if (count == 1) {
                tile(tile);
            } else {
                code.set(General.RAX, count);
                code.move(argument(TILES_TO_DO), General.RAX);
                int again = code.here();
                tile(tile);
                code.decrement(argument(TILES_TO_DO));
                code.jumpBackUnlessZero(again);
            }
        }
    }

    private List<Tile> split() {
        List<Tile> tiles = new ArrayList<>();
        int columns = geometry.outputs(geometry.width());
        int written = backward ? geometry.width() : columns;
        int read = backward ? columns : geometry.width();
        for (int begin = 0; begin < written; begin += TILE) {
            int outputs = Math.min(TILE, written - begin);
            int middle = inputs(begin);
            int first = -geometry.padding();
            int last = geometry.padding() + (backward ? outputs - 1 : (outputs - 1) * geometry.stride());
            if (backward) {
                first = -(-first / geometry.stride());
                last = last / geometry.stride();
            }
            tiles.add(new Tile(outputs, Math.max(first, -middle), Math.min(last, read - 1 - middle)));
        }
        return tiles;
    }

    /** How far a tile of so many outputs goes in the input. */
    private int inputs(int outputs) {
        return backward ? outputs / geometry.stride() : outputs * geometry.stride();
    }

    private int inputRowBytes() {
        return (int) (backward ? geometry.outputRowBytes() : geometry.rowBytes());
    }

    private void tile(Tile tile) {
        code.move(General.R10, argument(FILTER));
        code.add(General.R10, new Address(General.R9, Long.BYTES));
        int window = backward ? (geometry.kernel() + 1) / geometry.stride() : geometry.kernel();
        code.move(General.RBX, General.RSI);
        code.add(General.RBX, window * inputRowBytes());
        code.move(General.RBP, General.RDX);
        code.add(General.RBP, outputRowBytes());
        int whole = geometry.channels() / Vector.LANES;
        int blockBytes = Vector.LANES * geometry.elements().bytes();
        if (whole > 0) {
            code.set(General.RAX, whole);
            int again = code.here();
            block.write(this, tile, Lanes.ALL);
            code.add(General.RSI, blockBytes);
            code.add(General.RDX, blockBytes);
            code.add(General.R10, geometry.filterBytes());
            code.add(General.RBX, inputs(tile.outputs) * blockBytes);
            code.add(General.RBP, tile.outputs * blockBytes);
            code.decrement(General.RAX);
            code.jumpBackUnlessZero(again);
        }
        if (geometry.channels() > whole * Vector.LANES) {
            block.write(this, tile, Lanes.MASKED);
        }
        int passed = whole * blockBytes;
        code.add(General.RSI, inputs(tile.outputs) * geometry.pixelBytes() - passed);
        code.add(General.RDX, tile.outputs * geometry.pixelBytes() - passed);
    }

    /** Begins to bring the tile's part of the input's next rows into the cache. */
    private void prefetchInput(Tile tile) {
        int next = backward ? 1 : geometry.stride();
        for (int row = 0; row < next; row++) {
            prefetch(General.RBX, row * inputRowBytes(), inputs(tile.outputs));
        }
    }

    /** The same for the next row of what is an output's place. */
    private void prefetchOutput(Tile tile) {
        prefetch(General.RBP, 0, tile.outputs);
    }

    /** In the order of memory, not pixel by pixel: each block of a tile asks for as much of the next rows as it reads. */
    private void prefetch(General ahead, int offset, int pixels) {
        int bytes = pixels * Vector.LANES * geometry.elements().bytes();
        for (int line = 0; line < bytes; line += Assembler.CACHE_LINE_BYTES) {
            code.prefetch(new Address(ahead, 0), offset + line);
        }
    }

    private int outputRowBytes() {
        return (int) (backward ? geometry.rowBytes() : geometry.outputRowBytes());
    }

    private void convolution(Tile tile, Lanes lanes) {
        prefetchInput(tile);
        each(tile.outputs, x -> code.copy(output(x), ZERO));
        filterRows(() -> {
            each(geometry.kernel(), x -> code.load(filter(x), filterColumn(x), Lanes.ALL));
            for (int column = tile.first; column <= tile.last; column++) {
                load(LOADED, General.R11, column, lanes);
                reached(tile, column, (output, x) -> code.multiplyAdd(output(output), LOADED, filter(x)));
            }
        });
        each(tile.outputs, x -> store(output(x), x, lanes));
    }

    /** The sums of even and odd outputs are apart, for each addition waits for its sum's last. */
    private void filterGradient(Tile tile, Lanes lanes) {
        prefetchInput(tile);
        prefetchOutput(tile);
        each(tile.outputs, x -> load(output(x), General.RDX, x, lanes));
        filterRows(() -> {
            each(geometry.kernel(), x -> code.load(filter(x), filterColumn(x), Lanes.ALL));
            each(geometry.kernel(), x -> code.copy(second(x), ZERO));
            for (int column = tile.first; column <= tile.last; column++) {
                load(LOADED, General.R11, column, lanes);
                reached(
                        tile,
                        column,
                        (output, x) ->
                                code.multiplyAdd(output % 2 == 0 ? filter(x) : second(x), LOADED, output(output)));
            }
            each(geometry.kernel(), x -> code.add(filter(x), filter(x), second(x)));
            each(geometry.kernel(), x -> code.store(filter(x), filterColumn(x), Lanes.ALL));
        });
    }

    /** r11 points to the input's row, r8 to the filter's. */
    private void filterRows(Runnable row) {
        code.move(General.R11, General.RSI);
        code.move(General.R8, General.R10);
        code.move(General.RCX, new Address(General.R9, 2 * Long.BYTES));
        int again = code.here();
        row.run();
        code.add(General.R11, inputRowBytes());
        code.add(General.R8, (backward ? geometry.stride() : 1) * geometry.filterRowBytes());
        code.decrement(General.RCX);
        code.jumpBackUnlessZero(again);
    }

    private interface Use {
        void write(int output, int filterColumn);
    }

    /** The outputs of a tile that a column of the input reaches, each by a column of the filter. */
    private void reached(Tile tile, int column, Use use) {
        for (int output = 0; output < tile.outputs; output++) {
            int x = geometry.padding()
                    + (backward ? column * geometry.stride() - output : column - output * geometry.stride());
            if (x >= 0 && x < geometry.kernel()) {
                use.write(output, x);
            }
        }
    }

    private static void each(int count, IntConsumer instruction) {
        IntStream.range(0, count).forEach(instruction);
    }

    private static Vector output(int x) {
        return new Vector(x);
    }

    private static Vector filter(int x) {
        return new Vector(TILE + x);
    }

    private Vector second(int x) {
        return new Vector(TILE + geometry.kernel() + x);
    }

    private static Address filterColumn(int x) {
        return new Address(General.R8, x * Vector.BYTES);
    }

    private void load(Vector to, General row, int column, Lanes lanes) {
        code.load(geometry.elements(), to, new Address(row, column * geometry.pixelBytes()), lanes);
    }

    private void store(Vector from, int column, Lanes lanes) {
        code.store(geometry.elements(), from, new Address(General.RDX, column * geometry.pixelBytes()), lanes);
    }
}

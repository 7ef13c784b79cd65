package dev.lockstep.worker.kernel;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import dev.lockstep.worker.kernel.DepthwiseCode.Geometry;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * A kernel of {@link DepthwiseCode} for images of one height, with a filter laid out for it. It goes through all rows of a batch, or through some
 * rows of an image.
 */
final class DepthwiseKernel implements AutoCloseable {
    private static final Map<Geometry, MachineCode> CONVOLUTIONS = new ConcurrentHashMap<>();
    private static final Map<Geometry, MachineCode> INPUT_GRADIENTS = new ConcurrentHashMap<>();
    private static final Map<Geometry, MachineCode> FILTER_GRADIENTS = new ConcurrentHashMap<>();

    private final Geometry geometry;
    private final MachineCode code;
    private final int rows;
    private final long imageBytes;
    private final Memory entries;
    private final Memory blocks;

    private DepthwiseKernel(Geometry geometry, MachineCode code, long[] entries, long imageBytes, float[] blocks) {
        this.geometry = geometry;
        this.code = code;
        this.rows = entries.length / DepthwiseCode.ROW_ENTRIES;
        this.imageBytes = imageBytes;
        this.entries = new Memory((long) entries.length * Long.BYTES);
        this.entries.write(0, entries, 0, entries.length);
        this.blocks = new Memory((long) blocks.length * Float.BYTES);
        this.blocks.write(0, blocks, 0, blocks.length);
    }

    /**
     * Reads images and writes their convolution.
     *
     * @param filter [channels, kernel, kernel]
     */
    static DepthwiseKernel convolution(Geometry geometry, int height, float[] filter) {
        return new DepthwiseKernel(
                geometry,
                code(CONVOLUTIONS, DepthwiseCode::convolution, geometry),
                forwardRows(geometry, height),
                height * geometry.rowBytes(),
                blocks(geometry, filter, false));
    }

    /**
     * Reads the output's gradient and writes the input's.
     *
     * @param height of the input
     * @param filter [channels, kernel, kernel]
     */
    static DepthwiseKernel inputGradient(Geometry geometry, int height, float[] filter) {
        return new DepthwiseKernel(
                geometry,
                code(INPUT_GRADIENTS, DepthwiseCode::inputGradient, geometry),
                backwardRows(geometry, height),
                geometry.outputs(height) * geometry.outputRowBytes(),
                blocks(geometry, filter, true));
    }

    /** Reads images and, in place of an output, its gradient, and adds to the filter's gradient, which is zero at first. */
    static DepthwiseKernel filterGradient(Geometry geometry, int height) {
        return new DepthwiseKernel(
                geometry,
                code(FILTER_GRADIENTS, DepthwiseCode::filterGradient, geometry),
                forwardRows(geometry, height),
                height * geometry.rowBytes(),
                new float[blocksLength(geometry)]);
    }

    /** Goes through all rows of images that lie one after the other. */
    void run(long input, long output, long images) {
        run(input, output, 0, rows, images);
    }

    /**
     * Goes through some rows of what is written.
     *
     * @param input address of the image's first row; what the rows do not need may be missing
     * @param output address of the first of these rows
     */
    void run(long input, long output, int firstRow, int rowCount) {
        run(input, output, firstRow, rowCount, 1);
    }

    private void run(long input, long output, int firstRow, int rowCount, long images) {
        long[] values = new long[DepthwiseCode.ARGUMENTS];
        values[DepthwiseCode.INPUT] = input;
        values[DepthwiseCode.OUTPUT] = output;
        values[DepthwiseCode.FILTER] = Pointer.nativeValue(blocks);
        values[DepthwiseCode.ROWS] =
                Pointer.nativeValue(entries) + (long) firstRow * DepthwiseCode.ROW_ENTRIES * Long.BYTES;
        values[DepthwiseCode.IMAGE_BYTES] = imageBytes;
        values[DepthwiseCode.OUTPUT_ROWS] = rowCount;
        values[DepthwiseCode.IMAGES_TO_DO] = images;
        code.call(values);
    }

    /**
     * Adds the filter's gradient to a sum.
     *
     * @param sum [channels, kernel, kernel]
     */
    void addTo(float[] sum) {
        float[] found = blocks.getFloatArray(0, blocksLength(geometry));
        int taps = geometry.kernel() * geometry.kernel();
        for (int channel = 0; channel < geometry.channels(); channel++) {
            int to = channel * taps;
            int from = firstTap(geometry, channel);
            for (int tap = 0; tap < taps; tap++) {
                sum[to + tap] += found[from + tap * Vector.LANES];
            }
        }
    }

    private static MachineCode code(
            Map<Geometry, MachineCode> codes, Function<Geometry, byte[]> writer, Geometry geometry) {
        return codes.computeIfAbsent(geometry, wanted -> MachineCode.of(writer.apply(wanted)));
    }

    private static float[] blocks(Geometry geometry, float[] filter, boolean turned) {
        float[] values = filter.clone();
        geometry.elements().round(values);
        float[] blocks = new float[blocksLength(geometry)];
        int taps = geometry.kernel() * geometry.kernel();
        for (int channel = 0; channel < geometry.channels(); channel++) {
            int from = channel * taps;
            int to = firstTap(geometry, channel);
            for (int tap = 0; tap < taps; tap++) {
                blocks[to + tap * Vector.LANES] = values[from + (turned ? taps - 1 - tap : tap)];
            }
        }
        return blocks;
    }

    private static int blocksLength(Geometry geometry) {
        return geometry.blocks() * geometry.filterBytes() / Float.BYTES;
    }

    /** Where a channel's first number lies in the blocks of a filter. Each next one lies a vector further. */
    private static int firstTap(Geometry geometry, int channel) {
        int lane = channel % Vector.LANES;
        return (channel - lane) * geometry.kernel() * geometry.kernel() + lane;
    }

    /** {@link DepthwiseCode#ROWS} */
    private static long[] forwardRows(Geometry geometry, int height) {
        long[] entries = new long[geometry.outputs(height) * DepthwiseCode.ROW_ENTRIES];
        for (int row = 0; row < geometry.outputs(height); row++) {
            int above = row * geometry.stride() - geometry.padding();
            int first = Math.max(0, -above);
            int end = Math.min(geometry.kernel(), height - above);
            put(entries, row, (above + first) * geometry.rowBytes(), first * geometry.filterRowBytes(), end - first);
        }
        return entries;
    }

    /** Row r of the gradient gets what row y of the output's gradient has of the turned filter's row stride y - r + padding. */
    private static long[] backwardRows(Geometry geometry, int height) {
        int stride = geometry.stride();
        long[] entries = new long[height * DepthwiseCode.ROW_ENTRIES];
        for (int row = 0; row < height; row++) {
            int first = Math.max(0, -Math.floorDiv(geometry.padding() - row, stride));
            int last = Math.min(geometry.outputs(height) - 1, (row + geometry.padding()) / stride);
            int filterRow = stride * first - row + geometry.padding();
            put(
                    entries,
                    row,
                    first * geometry.outputRowBytes(),
                    filterRow * geometry.filterRowBytes(),
                    last - first + 1);
        }
        return entries;
    }

    private static void put(long[] entries, int row, long inputBytes, int filterBytes, int filterRows) {
        int at = row * DepthwiseCode.ROW_ENTRIES;
        entries[at] = inputBytes;
        entries[at + 1] = filterBytes;
        entries[at + 2] = filterRows;
    }

    @Override
    public void close() {
        entries.close();
        blocks.close();
    }
}

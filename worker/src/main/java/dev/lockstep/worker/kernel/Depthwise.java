package dev.lockstep.worker.kernel;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import dev.lockstep.worker.kernel.DepthwiseCode.Geometry;
import dev.lockstep.worker.libtorch.LibTorch;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * A convolution with as many groups as channels, of one batch [N, C, H, W] of float32 or bfloat16 in channels-last order, by one thread. The padding
 * is what keeps the size at a stride of 1. All arithmetic is float32's, of filters rounded to the images' type. The arrays have no
 * history.
 */
public final class Depthwise {
    private static final Map<Geometry, MachineCode> CONVOLUTIONS = new ConcurrentHashMap<>();
    private static final Map<Geometry, MachineCode> INPUT_GRADIENTS = new ConcurrentHashMap<>();
    private static final Map<Geometry, MachineCode> FILTER_GRADIENTS = new ConcurrentHashMap<>();
    private static final int HEIGHT = 2;
    private static final int WIDTH = 3;

    private final int kernel;
    private final int stride;

    /**
     * @param kernel height and width of the filter: 3 or 5
     * @param stride 1 or 2, in both directions
     */
    public Depthwise(int kernel, int stride) {
        if ((kernel != 3 && kernel != 5) || (stride != 1 && stride != 2)) {
            throw new IllegalArgumentException("no kernel of %d x %d by %d".formatted(kernel, kernel, stride));
        }
        this.kernel = kernel;
        this.stride = stride;
    }

    /**
     * The convolution.
     *
     * @param filter float32 [C, 1, kernel, kernel]
     * @return [N, C, OH, OW], of the images' type and order
     */
    public PtNDArray convolve(PtNDArray images, PtNDArray filter) {
        Geometry geometry = geometry(images);
        PtNDArray output = emptyOutput(images, geometry);
        Rows rows = Rows.forward(geometry, (int) images.getShape().get(HEIGHT));
        call(CONVOLUTIONS, DepthwiseCode::convolution, geometry, rows, images, output, blocks(filter, geometry, false));
        return output;
    }

    /**
     * The gradient by the input.
     *
     * @param outputGradient [N, C, OH, OW], of the images' type and order
     * @param images that were convolved; their values are not read
     * @param filter float32 [C, 1, kernel, kernel]
     * @return [N, C, H, W], of the images' type and order
     */
    public PtNDArray inputGradient(PtNDArray outputGradient, PtNDArray images, PtNDArray filter) {
        Geometry geometry = geometry(images);
        geometry.elements().check(outputGradient, outputShape(images, geometry));
        PtNDArray gradient = LibTorch.emptyLike(images);
        Rows rows = Rows.backward(geometry, (int) images.getShape().get(HEIGHT));
        call(
                INPUT_GRADIENTS,
                DepthwiseCode::inputGradient,
                geometry,
                rows,
                outputGradient,
                gradient,
                blocks(filter, geometry, true));
        return gradient;
    }

    private float[] blocks(PtNDArray filter, Geometry geometry, boolean turned) {
        float[] values = filter(filter, geometry);
        geometry.elements().round(values);
        float[] blocks = new float[geometry.blocks() * geometry.filterBytes() / Float.BYTES];
        int taps = kernel * kernel;
        for (int channel = 0; channel < geometry.channels(); channel++) {
            int from = channel * taps;
            int to = firstTap(channel);
            for (int tap = 0; tap < taps; tap++) {
                blocks[to + tap * Vector.LANES] = values[from + (turned ? taps - 1 - tap : tap)];
            }
        }
        return blocks;
    }

    /**
     * Adds the gradient by the filter.
     *
     * @param sum float32 [C, 1, kernel, kernel]
     * @param outputGradient [N, C, OH, OW], of the images' type and order
     */
    public void addFilterGradient(PtNDArray sum, PtNDArray outputGradient, PtNDArray images) {
        Geometry geometry = geometry(images);
        geometry.elements().check(outputGradient, outputShape(images, geometry));
        float[] values = filter(sum, geometry);
        float[] blocks = new float[geometry.blocks() * geometry.filterBytes() / Float.BYTES];
        Rows rows = Rows.forward(geometry, (int) images.getShape().get(HEIGHT));
        call(FILTER_GRADIENTS, DepthwiseCode::filterGradient, geometry, rows, images, outputGradient, blocks);
        int taps = kernel * kernel;
        for (int channel = 0; channel < geometry.channels(); channel++) {
            int to = channel * taps;
            int from = firstTap(channel);
            for (int tap = 0; tap < taps; tap++) {
                values[to + tap] += blocks[from + tap * Vector.LANES];
            }
        }
        pointer(sum).write(0, values, 0, values.length);
    }

    private Geometry geometry(PtNDArray images) {
        if (!Kernels.fit(images)) {
            throw new IllegalArgumentException(
                    "no kernel for %s %s".formatted(images.getDataType(), images.getShape()));
        }
        Shape shape = images.getShape();
        return new Geometry(
                Elements.of(images).orElseThrow(), kernel, stride, (int) shape.get(WIDTH), (int) shape.get(1));
    }

    private float[] filter(PtNDArray filter, Geometry geometry) {
        if (!filter.getShape().equals(new Shape(geometry.channels(), 1, kernel, kernel))) {
            throw new IllegalArgumentException(
                    "a filter of %s for %d channels".formatted(filter.getShape(), geometry.channels()));
        }
        return pointer(filter).getFloatArray(0, (int) filter.size());
    }

    private static Shape outputShape(PtNDArray images, Geometry geometry) {
        Shape shape = images.getShape();
        return new Shape(shape.get(0), shape.get(1), geometry.outputs((int) shape.get(HEIGHT)), geometry.outputs((int)
                shape.get(WIDTH)));
    }

    private static PtNDArray emptyOutput(PtNDArray images, Geometry geometry) {
        Shape shape = outputShape(images, geometry);
        try (PtNDArray high = JniUtils.slice(images, HEIGHT, 0, shape.get(HEIGHT), 1);
                PtNDArray part = JniUtils.slice(high, WIDTH, 0, shape.get(WIDTH), 1)) {
            return LibTorch.emptyLike(part);
        }
    }

    /** Where a channel's first number lies in the blocks of a filter. Each next one lies a vector further. */
    private int firstTap(int channel) {
        int lane = channel % Vector.LANES;
        return (channel - lane) * kernel * kernel + lane;
    }

    /** @param filter in blocks; read, and written back */
    private static void call(
            Map<Geometry, MachineCode> codes,
            Function<Geometry, byte[]> writer,
            Geometry geometry,
            Rows rows,
            PtNDArray input,
            PtNDArray output,
            float[] filter) {
        MachineCode code = codes.computeIfAbsent(geometry, wanted -> MachineCode.of(writer.apply(wanted)));
        try (Memory entries = new Memory((long) rows.entries.length * Long.BYTES);
                Memory blocks = new Memory((long) filter.length * Float.BYTES);
                Memory argument = new Memory((long) DepthwiseCode.ARGUMENTS * Long.BYTES)) {
            long[] values = new long[DepthwiseCode.ARGUMENTS];
            values[DepthwiseCode.INPUT] = LibTorch.address(input);
            values[DepthwiseCode.OUTPUT] = LibTorch.address(output);
            values[DepthwiseCode.FILTER] = Pointer.nativeValue(blocks);
            values[DepthwiseCode.ROWS] = Pointer.nativeValue(entries);
            values[DepthwiseCode.IMAGE_BYTES] = rows.imageBytes;
            values[DepthwiseCode.OUTPUT_ROWS] = rows.entries.length / DepthwiseCode.ROW_ENTRIES;
            values[DepthwiseCode.IMAGES_TO_DO] = input.getShape().get(0);
            argument.write(0, values, 0, values.length);
            entries.write(0, rows.entries, 0, rows.entries.length);
            blocks.write(0, filter, 0, filter.length);
            code.call(argument);
            blocks.read(0, filter, 0, filter.length);
        }
    }

    /** What a kernel must know of rows. */
    private static final class Rows {
        /** {@link DepthwiseCode#ROWS} */
        private final long[] entries;
        /** Of the kernel's input. */
        private final long imageBytes;

        private Rows(long[] entries, long imageBytes) {
            this.entries = entries;
            this.imageBytes = imageBytes;
        }

        static Rows forward(Geometry geometry, int height) {
            int rowBytes = geometry.width() * geometry.pixelBytes();
            long[] entries = new long[geometry.outputs(height) * DepthwiseCode.ROW_ENTRIES];
            for (int row = 0; row < geometry.outputs(height); row++) {
                int above = row * geometry.stride() - geometry.padding();
                int first = Math.max(0, -above);
                int end = Math.min(geometry.kernel(), height - above);
                put(entries, row, (long) (above + first) * rowBytes, first * geometry.filterRowBytes(), end - first);
            }
            return new Rows(entries, (long) height * rowBytes);
        }

        /** Row r of the gradient gets what row y of the output's gradient has of the turned filter's row stride y - r + padding. */
        static Rows backward(Geometry geometry, int height) {
            int rowBytes = geometry.outputs(geometry.width()) * geometry.pixelBytes();
            int stride = geometry.stride();
            long[] entries = new long[height * DepthwiseCode.ROW_ENTRIES];
            for (int row = 0; row < height; row++) {
                int first = Math.max(0, -Math.floorDiv(geometry.padding() - row, stride));
                int last = Math.min(geometry.outputs(height) - 1, (row + geometry.padding()) / stride);
                int filterRow = stride * first - row + geometry.padding();
                put(entries, row, (long) first * rowBytes, filterRow * geometry.filterRowBytes(), last - first + 1);
            }
            return new Rows(entries, (long) geometry.outputs(height) * rowBytes);
        }

        private static void put(long[] entries, int row, long inputBytes, int filterBytes, int filterRows) {
            int at = row * DepthwiseCode.ROW_ENTRIES;
            entries[at] = inputBytes;
            entries[at + 1] = filterBytes;
            entries[at + 2] = filterRows;
        }
    }

    private static Pointer pointer(PtNDArray array) {
        return new Pointer(LibTorch.address(array));
    }
}

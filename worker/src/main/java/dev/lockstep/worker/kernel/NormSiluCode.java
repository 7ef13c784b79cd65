package dev.lockstep.worker.kernel;

import dev.lockstep.worker.kernel.Assembler.Jump;
import dev.lockstep.worker.kernel.Operand.Address;
import dev.lockstep.worker.kernel.Operand.IndexedAddress;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * The machine code of {@link NormSiluKernels}. A kernel goes through images, their pixels by fours, and the pixels' channels by blocks of 16.
 * What is left of the channels is a block whose other lanes are masked; what is left of the pixels goes one by one.
 *
 * <p>The instructions of four pixels alternate, for each waits for its own pixel's last. The processor that this was measured on does two
 * operations on such vectors in a cycle, so their number is what counts.
 */
final class NormSiluCode {
    // What a kernel reads through its one argument, by index of a long. It counts the last three down.
    static final int INPUT = 0;
    static final int SECOND = 1;
    static final int CHANNELS = 2;
    static final int IMAGES = 3;
    static final int WHOLE_BLOCKS = 4;
    static final int REST_BYTES = 5;
    static final int REST_MASK = 6;
    static final int IMAGE_BYTES = 7;
    static final int PIXEL_BYTES = 8;
    static final int FOURS = 9;
    static final int PIXELS_LEFT = 10;
    static final int FOURS_TO_DO = 11;
    static final int PIXELS_TO_DO = 12;
    static final int IMAGES_TO_DO = 13;
    static final int ARGUMENTS = 14;

    /** Pixels at a time. */
    static final int PIXELS = 4;

    /** How far ahead memory is asked for: the processor's own guess does not follow four pixels at once. */
    private static final int PREFETCH_BYTES = 8192;

    /** What a kernel does with a block of some pixels. */
    private interface Block {
        void write(NormSiluCode code, Lanes lanes);
    }

    /** A pixel's registers, and where its channels lie. */
    private record Pixel(int index) {
        private static final int REGISTERS = 5;

        Operand at(General firstPixel) {
            return switch (index) {
                case 0 -> new Address(firstPixel, 0);
                case 1 -> new IndexedAddress(firstPixel, General.RCX, 1);
                case 2 -> new IndexedAddress(firstPixel, General.RCX, 2);
                case 3 -> new IndexedAddress(firstPixel, General.R8, 1);
                default -> throw new IllegalStateException("no register for pixel " + index);
            };
        }

        Vector x() {
            return register(0);
        }

        Vector z() {
            return register(1);
        }

        Vector power() {
            return register(2);
        }

        Vector sigmoid() {
            return register(3);
        }

        Vector gradient() {
            return register(4);
        }

        private Vector register(int i) {
            return new Vector(REGISTERS * index + i);
        }
    }

    private static final Vector SUM = new Vector(20);
    private static final Vector ONE = new Vector(21);
    private static final Vector MINUS_LOG2_E = new Vector(22);
    /** Of the polynomial below, from that of x^5 down to that of x. */
    private static final List<Vector> COEFFICIENTS =
            IntStream.range(23, 28).mapToObj(Vector::new).toList();

    /** 2^x = 1 + ... for 0 <= x < 1, by the smallest largest relative error: 8.2e-8. */
    private static final float[] POWER_OF_TWO = {0.00186713f, 0.009017031f, 0.055799913f, 0.24016444f, 0.6931513f};

    private final Assembler code;
    private final Elements elements;
    private final List<Pixel> pixels;

    private NormSiluCode(Assembler code, Elements elements, int pixels) {
        this.code = code;
        this.elements = elements;
        this.pixels = IntStream.range(0, pixels).mapToObj(Pixel::new).toList();
    }

    static byte[] statistics(Elements elements) {
        return write(elements, NormSiluCode::statistics);
    }

    static byte[] forward(Elements elements) {
        return write(elements, NormSiluCode::forward);
    }

    static byte[] products(Elements elements) {
        return write(elements, NormSiluCode::products);
    }

    static byte[] sums(Elements elements, boolean squeezed) {
        return write(elements, (code, lanes) -> code.sums(squeezed, lanes));
    }

    static byte[] backward(Elements elements, boolean squeezed) {
        return write(elements, (code, lanes) -> code.backward(squeezed, lanes));
    }

    private static Address argument(int index) {
        return new Address(General.RDI, index * Long.BYTES);
    }

    /**
     * rsi and rdx point to the input and to the output or its gradient, rcx and r8 are one and three pixels' bytes, r9 to r11 point to the image's
     * sums, the block's constants and its sums.
     */
    private static byte[] write(Elements elements, Block block) {
        Assembler code = new Assembler();
        code.broadcast(ONE, 1);
        code.broadcast(MINUS_LOG2_E, (float) (-1 / Math.log(2)));
        for (int i = 0; i < POWER_OF_TWO.length; i++) {
            code.broadcast(COEFFICIENTS.get(i), POWER_OF_TWO[i]);
        }
        code.move(General.RAX, argument(REST_MASK));
        code.setMask();
        code.move(General.RSI, argument(INPUT));
        code.move(General.RDX, argument(SECOND));
        code.move(General.RCX, argument(PIXEL_BYTES));
        code.move(General.R8, General.RCX);
        code.add(General.R8, General.RCX);
        code.add(General.R8, General.RCX);
        code.move(General.R9, argument(IMAGES));
        int image = code.here();
        new NormSiluCode(code, elements, PIXELS).pixels(block, FOURS, FOURS_TO_DO);
        new NormSiluCode(code, elements, 1).pixels(block, PIXELS_LEFT, PIXELS_TO_DO);
        code.add(General.R9, argument(IMAGE_BYTES));
        code.decrement(argument(IMAGES_TO_DO));
        code.jumpBackUnlessZero(image);
        code.finish();
        return code.code();
    }

    private void pixels(Block block, int count, int toDo) {
        code.move(General.RAX, argument(count));
        code.move(argument(toDo), General.RAX);
        code.test(General.RAX);
        Jump none = code.jumpIfZero();
        int pixel = code.here();
        code.move(General.R10, argument(CHANNELS));
        code.move(General.R11, General.R9);
        code.move(General.RAX, argument(WHOLE_BLOCKS));
        code.test(General.RAX);
        Jump narrow = code.jumpIfZero();
        int whole = code.here();
        block.write(this, Lanes.ALL);
        code.add(General.RSI, Vector.LANES * elements.bytes());
        code.add(General.RDX, Vector.LANES * elements.bytes());
        code.add(General.R10, Tables.CHANNEL_BYTES);
        code.add(General.R11, Tables.IMAGE_BLOCK_BYTES);
        code.decrement(General.RAX);
        code.jumpBackUnlessZero(whole);
        code.land(narrow);
        code.move(General.RAX, argument(REST_BYTES));
        code.test(General.RAX);
        Jump noRest = code.jumpIfZero();
        block.write(this, Lanes.MASKED);
        code.add(General.RSI, General.RAX);
        code.add(General.RDX, General.RAX);
        code.land(noRest);
        if (pixels.size() == PIXELS) {
            code.add(General.RSI, General.R8);
            code.add(General.RDX, General.R8);
        }
        code.decrement(argument(toDo));
        code.jumpBackUnlessZero(pixel);
        code.land(none);
    }

    private void statistics(Lanes lanes) {
        centre(lanes);
        addTo(Tables.FIRST_SUM, pixel -> code.add(SUM, SUM, pixel.x()));
        addTo(Tables.SECOND_SUM, pixel -> code.multiplyAdd(SUM, pixel.x(), pixel.x()));
    }

    private void forward(Lanes lanes) {
        each(pixel -> loadInput(pixel.z(), pixel, lanes));
        code.load(SUM, Tables.SCALE.address(), Lanes.ALL);
        each(pixel -> code.multiplyThenAdd(pixel.z(), SUM, Tables.INTERCEPT.address()));
        onePlusPower();
        each(pixel -> code.divide(pixel.z(), pixel.z(), pixel.power()));
        addTo(Tables.FIRST_SUM, pixel -> code.add(SUM, SUM, pixel.z()));
        each(pixel -> storeSecond(pixel.z(), pixel, lanes));
    }

    private void products(Lanes lanes) {
        each(pixel -> loadInput(pixel.x(), pixel, lanes));
        each(pixel -> loadSecond(pixel.gradient(), pixel, lanes));
        addTo(Tables.FIRST_SUM, pixel -> code.multiplyAdd(SUM, pixel.x(), pixel.gradient()));
    }

    private void sums(boolean squeezed, Lanes lanes) {
        gradient(squeezed, lanes);
        addTo(Tables.FIRST_SUM, pixel -> code.add(SUM, SUM, pixel.gradient()));
        addTo(Tables.SECOND_SUM, pixel -> code.multiplyAdd(SUM, pixel.gradient(), pixel.x()));
    }

    /** scale dz + (x - mean) slope + constant */
    private void backward(boolean squeezed, Lanes lanes) {
        gradient(squeezed, lanes);
        code.load(SUM, Tables.SLOPE.address(), Lanes.ALL);
        each(pixel -> code.multiplyThenAdd(pixel.x(), SUM, Tables.CONSTANT.address()));
        each(pixel -> code.multiplyThenAdd(pixel.gradient(), Tables.SCALE.address(), pixel.x()));
        each(pixel -> storeSecond(pixel.gradient(), pixel, lanes));
    }

    /** x - mean */
    private void centre(Lanes lanes) {
        each(pixel -> loadInput(pixel.x(), pixel, lanes));
        each(pixel -> code.subtract(pixel.x(), pixel.x(), Tables.MEAN.address()));
    }

    /** power = 1 + e^-z, where e^-z = 2^floor(t) 2^(t - floor(t)) and t = -z log2 e */
    private void onePlusPower() {
        each(pixel -> code.multiply(pixel.power(), pixel.z(), MINUS_LOG2_E));
        each(pixel -> code.fraction(pixel.sigmoid(), pixel.power()));
        each(pixel -> code.copy(pixel.gradient(), COEFFICIENTS.get(0)));
        for (Vector coefficient : COEFFICIENTS.subList(1, COEFFICIENTS.size())) {
            each(pixel -> code.multiplyThenAdd(pixel.gradient(), pixel.sigmoid(), coefficient));
        }
        each(pixel -> code.multiplyThenAdd(pixel.gradient(), pixel.sigmoid(), ONE));
        each(pixel -> code.scale(pixel.power(), pixel.gradient(), pixel.power()));
        each(pixel -> code.add(pixel.power(), pixel.power(), ONE));
    }

    /** gradient = dz = dy silu'(z), where silu' = s (1 + z (1 - s)), and dy is what was read or that times factor plus summand. */
    private void gradient(boolean squeezed, Lanes lanes) {
        centre(lanes);
        each(pixel -> code.load(pixel.z(), Tables.SCALE.address(), Lanes.ALL));
        each(pixel -> code.multiplyThenAdd(pixel.z(), pixel.x(), Tables.OFFSET.address()));
        onePlusPower();
        each(pixel -> code.divide(pixel.sigmoid(), ONE, pixel.power()));
        each(pixel -> loadSecond(pixel.gradient(), pixel, lanes));
        if (squeezed) {
            code.load(SUM, Tables.FACTOR.address(), Lanes.ALL);
            each(pixel -> code.multiplyThenAdd(pixel.gradient(), SUM, Tables.SUMMAND.address()));
        }
        each(pixel -> code.subtract(pixel.power(), ONE, pixel.sigmoid()));
        each(pixel -> code.multiplyThenAdd(pixel.power(), pixel.z(), ONE));
        each(pixel -> code.multiply(pixel.gradient(), pixel.gradient(), pixel.sigmoid()));
        each(pixel -> code.multiply(pixel.gradient(), pixel.gradient(), pixel.power()));
    }

    private void addTo(Tables.Row row, Consumer<Pixel> addition) {
        code.load(SUM, row.address(), Lanes.ALL);
        each(addition);
        code.store(SUM, row.address(), Lanes.ALL);
    }

    private void each(Consumer<Pixel> instruction) {
        pixels.forEach(instruction);
    }

    private void loadInput(Vector to, Pixel pixel, Lanes lanes) {
        load(to, pixel.at(General.RSI), lanes);
    }

    private void loadSecond(Vector to, Pixel pixel, Lanes lanes) {
        load(to, pixel.at(General.RDX), lanes);
    }

    private void load(Vector to, Operand from, Lanes lanes) {
        code.prefetch(from, PREFETCH_BYTES);
        code.load(elements, to, from, lanes);
    }

    /** Changes the register. */
    private void storeSecond(Vector from, Pixel pixel, Lanes lanes) {
        code.store(elements, from, pixel.at(General.RDX), lanes);
    }
}

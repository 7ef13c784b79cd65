package dev.lockstep.worker.kernel;

import dev.lockstep.worker.kernel.Assembler.Jump;
import dev.lockstep.worker.kernel.Operand.Address;
import dev.lockstep.worker.kernel.Operand.IndexedAddress;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * The machine code of {@link NormKernels}. A kernel goes through images, their pixels by fours, and the pixels' channels by blocks of 16.
 * What is left of the channels is a block whose other lanes are masked; what is left of the pixels goes one by one.
 *
 * <p>The instructions of four pixels alternate, for each waits for its own pixel's last. The processor that this was measured on does two
 * operations on such vectors in a cycle, so their number is what counts.
 */
final class NormCode {
    // What a kernel reads through its one argument, by index of a long. It counts the last three down, and the image's
    // sums on.
    static final int INPUT = 0;
    static final int GRADIENT = 1;
    static final int OUTPUT = 2;
    static final int CHANNELS = 3;
    static final int IMAGE_SUMS = 4;
    static final int WHOLE_BLOCKS = 5;
    static final int REST_BYTES = 6;
    static final int REST_MASK = 7;
    static final int IMAGE_BYTES = 8;
    static final int PIXEL_BYTES = 9;
    static final int FOURS = 10;
    static final int PIXELS_LEFT = 11;
    static final int FOURS_TO_DO = 12;
    static final int PIXELS_TO_DO = 13;
    static final int IMAGES_TO_DO = 14;
    static final int ARGUMENTS = 15;

    /** Pixels at a time. */
    static final int PIXELS = 4;

    /**
     * How far ahead memory is asked for, in its own order: read four pixels at once, it comes at less than half the speed, for neither the
     * processor's guesses nor the memory's open pages follow.
     */
    private static final int PREFETCH_BYTES = 2048;

    /** What a kernel does with a block of some pixels. */
    private interface Block {
        void write(NormCode code, Lanes lanes);
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

    private static final List<General> POINTERS = List.of(General.RSI, General.RDX, General.R9);

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

    private NormCode(Assembler code, Elements elements, int pixels) {
        this.code = code;
        this.elements = elements;
        this.pixels = IntStream.range(0, pixels).mapToObj(Pixel::new).toList();
    }

    static byte[] statistics(Elements elements) {
        return write(elements, NormCode::statistics);
    }

    static byte[] forward(Elements elements) {
        return write(elements, NormCode::forward);
    }

    static byte[] outputSums(Elements elements) {
        return write(elements, NormCode::outputSums);
    }

    static byte[] scaledForward(Elements elements) {
        return write(elements, NormCode::scaledForward);
    }

    static byte[] sums(Elements elements, boolean withOutput) {
        return write(elements, (code, lanes) -> code.sums(withOutput, lanes));
    }

    static byte[] squeezedSums(Elements elements, boolean withOutput) {
        return write(elements, (code, lanes) -> code.squeezedSums(withOutput, lanes));
    }

    static byte[] backward(Elements elements, boolean squeezed) {
        return write(elements, (code, lanes) -> code.backward(squeezed, lanes));
    }

    static byte[] normalized(Elements elements) {
        return write(elements, NormCode::normalized);
    }

    static byte[] scaledWithResidual(Elements elements) {
        return write(elements, NormCode::scaledWithResidual);
    }

    static byte[] linearSums(Elements elements) {
        return write(elements, NormCode::linearSums);
    }

    static byte[] linearBackward(Elements elements) {
        return write(elements, NormCode::linearBackward);
    }

    private static Address argument(int index) {
        return new Address(General.RDI, index * Long.BYTES);
    }

    /**
     * rsi, rdx and r9 point to the input, to the output's gradient, and to what is written; rbx and rbp go ahead of the first
     * two; rcx and r8 are one and three pixels' bytes, r10 and r11 point to the block's constants and its sums.
     */
    private static byte[] write(Elements elements, Block block) {
        Assembler code = new Assembler();
        code.begin();
        code.broadcast(ONE, 1);
        code.broadcast(MINUS_LOG2_E, (float) (-1 / Math.log(2)));
        for (int i = 0; i < POWER_OF_TWO.length; i++) {
            code.broadcast(COEFFICIENTS.get(i), POWER_OF_TWO[i]);
        }
        code.move(General.RAX, argument(REST_MASK));
        code.setMask();
        code.move(General.RSI, argument(INPUT));
        code.move(General.RDX, argument(GRADIENT));
        code.move(General.RCX, argument(PIXEL_BYTES));
        code.move(General.R8, General.RCX);
        code.add(General.R8, General.RCX);
        code.add(General.R8, General.RCX);
        code.move(General.R9, argument(OUTPUT));
        int image = code.here();
        new NormCode(code, elements, PIXELS).pixels(block, FOURS, FOURS_TO_DO);
        new NormCode(code, elements, 1).pixels(block, PIXELS_LEFT, PIXELS_TO_DO);
        code.move(General.RAX, argument(IMAGE_SUMS));
        code.add(General.RAX, argument(IMAGE_BYTES));
        code.move(argument(IMAGE_SUMS), General.RAX);
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
        code.move(General.RBX, General.RSI);
        code.move(General.RBP, General.RDX);
        code.move(General.R10, argument(CHANNELS));
        code.move(General.R11, argument(IMAGE_SUMS));
        code.move(General.RAX, argument(WHOLE_BLOCKS));
        code.test(General.RAX);
        Jump narrow = code.jumpIfZero();
        int whole = code.here();
        block.write(this, Lanes.ALL);
        POINTERS.forEach(pointer -> code.add(pointer, Vector.LANES * elements.bytes()));
        code.add(General.RBX, pixels.size() * Vector.LANES * elements.bytes());
        code.add(General.RBP, pixels.size() * Vector.LANES * elements.bytes());
        code.add(General.R10, Tables.CHANNEL_BYTES);
        code.add(General.R11, Tables.IMAGE_BLOCK_BYTES);
        code.decrement(General.RAX);
        code.jumpBackUnlessZero(whole);
        code.land(narrow);
        code.move(General.RAX, argument(REST_BYTES));
        code.test(General.RAX);
        Jump noRest = code.jumpIfZero();
        block.write(this, Lanes.MASKED);
        POINTERS.forEach(pointer -> code.add(pointer, General.RAX));
        code.land(noRest);
        if (pixels.size() == PIXELS) {
            POINTERS.forEach(pointer -> code.add(pointer, General.R8));
        }
        code.decrement(argument(toDo));
        code.jumpBackUnlessZero(pixel);
        code.land(none);
    }

    private void statistics(Lanes lanes) {
        centre(lanes);
        addTo(Tables.INPUT, pixel -> code.add(SUM, SUM, pixel.x()));
        addTo(Tables.INPUT_SQUARED, pixel -> code.multiplyAdd(SUM, pixel.x(), pixel.x()));
    }

    private void forward(Lanes lanes) {
        outputSums(lanes);
        each(pixel -> storeOutput(pixel.z(), pixel, lanes));
    }

    private void outputSums(Lanes lanes) {
        output(lanes);
        addTo(Tables.OUTPUT, pixel -> code.add(SUM, SUM, pixel.z()));
    }

    private void scaledForward(Lanes lanes) {
        output(lanes);
        code.load(SUM, Tables.FACTOR.address(), Lanes.ALL);
        each(pixel -> code.multiply(pixel.z(), pixel.z(), SUM));
        each(pixel -> storeOutput(pixel.z(), pixel, lanes));
    }

    private void normalized(Lanes lanes) {
        normalize(lanes);
        each(pixel -> storeOutput(pixel.z(), pixel, lanes));
    }

    /** The residual is where others have the gradient. */
    private void scaledWithResidual(Lanes lanes) {
        normalize(lanes);
        each(pixel -> loadGradient(pixel.gradient(), pixel, lanes));
        code.load(SUM, Tables.FACTOR.address(), Lanes.ALL);
        each(pixel -> code.multiplyAdd(pixel.gradient(), pixel.z(), SUM));
        each(pixel -> storeOutput(pixel.gradient(), pixel, lanes));
    }

    private void normalize(Lanes lanes) {
        each(pixel -> loadInput(pixel.z(), pixel, lanes));
        code.load(SUM, Tables.SCALE.address(), Lanes.ALL);
        each(pixel -> code.multiplyThenAdd(pixel.z(), SUM, Tables.INTERCEPT.address()));
    }

    /** z becomes y. */
    private void output(Lanes lanes) {
        normalize(lanes);
        onePlusPower();
        each(pixel -> code.divide(pixel.z(), pixel.z(), pixel.power()));
    }

    private void sums(boolean withOutput, Lanes lanes) {
        zAndSigmoid(lanes);
        if (withOutput) {
            each(pixel -> code.multiply(pixel.gradient(), pixel.z(), pixel.sigmoid()));
            each(pixel -> storeOutput(pixel.gradient(), pixel, lanes));
        }
        each(pixel -> loadGradient(pixel.gradient(), pixel, lanes));
        gradient();
        addGradient();
    }

    private void linearSums(Lanes lanes) {
        centre(lanes);
        each(pixel -> loadGradient(pixel.gradient(), pixel, lanes));
        addGradient();
    }

    private void addGradient() {
        addTo(Tables.GRADIENT, pixel -> code.add(SUM, SUM, pixel.gradient()));
        addTo(Tables.GRADIENT_INPUT, pixel -> code.multiplyAdd(SUM, pixel.gradient(), pixel.x()));
    }

    /**
     * What {@link #sums} finds is that of the output's gradient, and of ones in its place.
     *
     * @param withOutput whether to write it, scaled
     */
    private void squeezedSums(boolean withOutput, Lanes lanes) {
        zAndSigmoid(lanes);
        slope();
        each(pixel -> code.multiply(pixel.z(), pixel.z(), pixel.sigmoid()));
        if (withOutput) {
            code.load(SUM, Tables.FACTOR.address(), Lanes.ALL);
            each(pixel -> code.multiply(pixel.gradient(), pixel.z(), SUM));
            each(pixel -> storeOutput(pixel.gradient(), pixel, lanes));
        }
        each(pixel -> code.multiply(pixel.sigmoid(), pixel.sigmoid(), pixel.power()));
        each(pixel -> loadGradient(pixel.gradient(), pixel, lanes));
        addTo(Tables.GRADIENT_OUTPUT, pixel -> code.multiplyAdd(SUM, pixel.gradient(), pixel.z()));
        each(pixel -> code.multiply(pixel.gradient(), pixel.gradient(), pixel.sigmoid()));
        addGradient();
        addTo(Tables.SLOPES, pixel -> code.add(SUM, SUM, pixel.sigmoid()));
        addTo(Tables.SLOPES_INPUT, pixel -> code.multiplyAdd(SUM, pixel.sigmoid(), pixel.x()));
    }

    private void backward(boolean squeezed, Lanes lanes) {
        zAndSigmoid(lanes);
        each(pixel -> loadGradient(pixel.gradient(), pixel, lanes));
        if (squeezed) {
            code.load(SUM, Tables.FACTOR.address(), Lanes.ALL);
            each(pixel -> code.multiplyThenAdd(pixel.gradient(), SUM, Tables.SUMMAND.address()));
        }
        gradient();
        storeInputGradient(lanes);
    }

    private void linearBackward(Lanes lanes) {
        centre(lanes);
        each(pixel -> loadGradient(pixel.gradient(), pixel, lanes));
        code.load(SUM, Tables.FACTOR.address(), Lanes.ALL);
        each(pixel -> code.multiply(pixel.gradient(), pixel.gradient(), SUM));
        storeInputGradient(lanes);
    }

    /** scale dz + (x - mean) slope + constant */
    private void storeInputGradient(Lanes lanes) {
        code.load(SUM, Tables.SLOPE.address(), Lanes.ALL);
        each(pixel -> code.multiplyThenAdd(pixel.x(), SUM, Tables.CONSTANT.address()));
        each(pixel -> code.multiplyThenAdd(pixel.gradient(), Tables.SCALE.address(), pixel.x()));
        each(pixel -> storeOutput(pixel.gradient(), pixel, lanes));
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

    /** x becomes x - mean. */
    private void zAndSigmoid(Lanes lanes) {
        centre(lanes);
        each(pixel -> code.load(pixel.z(), Tables.SCALE.address(), Lanes.ALL));
        each(pixel -> code.multiplyThenAdd(pixel.z(), pixel.x(), Tables.OFFSET.address()));
        onePlusPower();
        each(pixel -> code.divide(pixel.sigmoid(), ONE, pixel.power()));
    }

    /** power = 1 + z (1 - s); with it silu'(z) = s power. */
    private void slope() {
        each(pixel -> code.subtract(pixel.power(), ONE, pixel.sigmoid()));
        each(pixel -> code.multiplyThenAdd(pixel.power(), pixel.z(), ONE));
    }

    /** gradient = gradient silu'(z) */
    private void gradient() {
        slope();
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
        prefetch(General.RBX, pixel);
        code.load(elements, to, pixel.at(General.RSI), lanes);
    }

    private void loadGradient(Vector to, Pixel pixel, Lanes lanes) {
        prefetch(General.RBP, pixel);
        code.load(elements, to, pixel.at(General.RDX), lanes);
    }

    /** Of the memory that four pixels take, each block asks for as much as it reads. */
    private void prefetch(General ahead, Pixel pixel) {
        int lines = Math.max(1, pixels.size() * Vector.LANES * elements.bytes() / Assembler.CACHE_LINE_BYTES);
        if (pixel.index() < lines) {
            code.prefetch(new Address(ahead, 0), PREFETCH_BYTES + pixel.index() * Assembler.CACHE_LINE_BYTES);
        }
    }

    /** Changes the register. */
    private void storeOutput(Vector from, Pixel pixel, Lanes lanes) {
        code.store(elements, from, pixel.at(General.R9), lanes);
    }
}

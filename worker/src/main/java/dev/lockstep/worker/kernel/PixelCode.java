package dev.lockstep.worker.kernel;

import dev.lockstep.worker.kernel.Assembler.Jump;
import dev.lockstep.worker.kernel.Operand.Address;
import dev.lockstep.worker.kernel.Operand.IndexedAddress;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * The way of a kernel's machine code through images, their pixels by fours, and the pixels' channels by blocks of 16. What is left of the
 * channels is a block whose other lanes are masked; what is left of the pixels goes one by one. {@link NormCode} says what is done with a block.
 *
 * <p>The instructions of four pixels alternate, for each waits for its own pixel's last. The processor that this was measured on does two
 * operations on such vectors in a cycle, so their number is what counts.
 */
final class PixelCode {
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
    interface Block {
        void write(PixelCode pixels, Lanes lanes);
    }

    /** A pixel's registers, and where its channels lie. */
    record Pixel(int index) {
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

    /** Belongs to no pixel. */
    static final Vector SUM = new Vector(20);

    private final Assembler code;
    private final Elements elements;
    private final List<Pixel> pixels;

    private PixelCode(Assembler code, Elements elements, int pixels) {
        this.code = code;
        this.elements = elements;
        this.pixels = IntStream.range(0, pixels).mapToObj(Pixel::new).toList();
    }

    Assembler assembler() {
        return code;
    }

    private static Address argument(int index) {
        return new Address(General.RDI, index * Long.BYTES);
    }

    /**
     * Writes a kernel. rsi, rdx and r9 point to the input, to the output's gradient, and to what is written; rbx and rbp go ahead of the first
     * two; rcx and r8 are one and three pixels' bytes, r10 and r11 point to the block's constants and its sums.
     *
     * @param constants fills the registers that keep their values throughout
     */
    static byte[] write(Elements elements, Consumer<Assembler> constants, Block block) {
        Assembler code = new Assembler();
        code.begin();
        constants.accept(code);
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
        new PixelCode(code, elements, PIXELS).pixels(block, FOURS, FOURS_TO_DO);
        new PixelCode(code, elements, 1).pixels(block, PIXELS_LEFT, PIXELS_TO_DO);
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

    void addTo(Tables.Row row, Consumer<Pixel> addition) {
        code.load(SUM, row.address(), Lanes.ALL);
        each(addition);
        code.store(SUM, row.address(), Lanes.ALL);
    }

    void each(Consumer<Pixel> instruction) {
        pixels.forEach(instruction);
    }

    void loadInput(Vector to, Pixel pixel, Lanes lanes) {
        prefetch(General.RBX, pixel);
        code.load(elements, to, pixel.at(General.RSI), lanes);
    }

    void loadGradient(Vector to, Pixel pixel, Lanes lanes) {
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
    void storeOutput(Vector from, Pixel pixel, Lanes lanes) {
        code.store(elements, from, pixel.at(General.R9), lanes);
    }
}

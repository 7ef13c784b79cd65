package dev.lockstep.worker.kernel;

import java.util.List;
import java.util.stream.IntStream;

/** The machine code of {@link NormKernels}: what each does with a block of channels of some pixels. {@link PixelCode} goes through them all. */
final class NormCode {
    private static final Vector SUM = PixelCode.SUM;
    private static final Vector ONE = new Vector(21);
    private static final Vector MINUS_LOG2_E = new Vector(22);
    /** Of the polynomial below, from that of x^5 down to that of x. */
    private static final List<Vector> COEFFICIENTS =
            IntStream.range(23, 28).mapToObj(Vector::new).toList();

    /** 2^x = 1 + ... for 0 <= x < 1, by the smallest largest relative error: 8.2e-8. */
    private static final float[] POWER_OF_TWO = {0.00186713f, 0.009017031f, 0.055799913f, 0.24016444f, 0.6931513f};

    /** What a kernel does with a block. */
    private interface Formula {
        void write(NormCode code, Lanes lanes);
    }

    private final PixelCode pixels;
    private final Assembler code;

    private NormCode(PixelCode pixels) {
        this.pixels = pixels;
        this.code = pixels.assembler();
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

    private static byte[] write(Elements elements, Formula formula) {
        return PixelCode.write(
                elements, NormCode::constants, (pixels, lanes) -> formula.write(new NormCode(pixels), lanes));
    }

    private static void constants(Assembler code) {
        code.broadcast(ONE, 1);
        code.broadcast(MINUS_LOG2_E, (float) (-1 / Math.log(2)));
        for (int i = 0; i < POWER_OF_TWO.length; i++) {
            code.broadcast(COEFFICIENTS.get(i), POWER_OF_TWO[i]);
        }
    }

    private void statistics(Lanes lanes) {
        centre(lanes);
        pixels.addTo(Tables.INPUT, pixel -> code.add(SUM, SUM, pixel.x()));
        pixels.addTo(Tables.INPUT_SQUARED, pixel -> code.multiplyAdd(SUM, pixel.x(), pixel.x()));
    }

    private void forward(Lanes lanes) {
        outputSums(lanes);
        pixels.each(pixel -> pixels.storeOutput(pixel.z(), pixel, lanes));
    }

    private void outputSums(Lanes lanes) {
        output(lanes);
        pixels.addTo(Tables.OUTPUT, pixel -> code.add(SUM, SUM, pixel.z()));
    }

    private void scaledForward(Lanes lanes) {
        output(lanes);
        code.load(SUM, Tables.FACTOR.address(), Lanes.ALL);
        pixels.each(pixel -> code.multiply(pixel.z(), pixel.z(), SUM));
        pixels.each(pixel -> pixels.storeOutput(pixel.z(), pixel, lanes));
    }

    private void normalized(Lanes lanes) {
        normalize(lanes);
        pixels.each(pixel -> pixels.storeOutput(pixel.z(), pixel, lanes));
    }

    /** The residual is where others have the gradient. */
    private void scaledWithResidual(Lanes lanes) {
        normalize(lanes);
        pixels.each(pixel -> pixels.loadGradient(pixel.gradient(), pixel, lanes));
        code.load(SUM, Tables.FACTOR.address(), Lanes.ALL);
        pixels.each(pixel -> code.multiplyAdd(pixel.gradient(), pixel.z(), SUM));
        pixels.each(pixel -> pixels.storeOutput(pixel.gradient(), pixel, lanes));
    }

    private void normalize(Lanes lanes) {
        pixels.each(pixel -> pixels.loadInput(pixel.z(), pixel, lanes));
        code.load(SUM, Tables.SCALE.address(), Lanes.ALL);
        pixels.each(pixel -> code.multiplyThenAdd(pixel.z(), SUM, Tables.INTERCEPT.address()));
    }

    /** z becomes y. */
    private void output(Lanes lanes) {
        normalize(lanes);
        onePlusPower();
        pixels.each(pixel -> code.divide(pixel.z(), pixel.z(), pixel.power()));
    }

    private void sums(boolean withOutput, Lanes lanes) {
        zAndSigmoid(lanes);
        if (withOutput) {
            pixels.each(pixel -> code.multiply(pixel.gradient(), pixel.z(), pixel.sigmoid()));
            pixels.each(pixel -> pixels.storeOutput(pixel.gradient(), pixel, lanes));
        }
        pixels.each(pixel -> pixels.loadGradient(pixel.gradient(), pixel, lanes));
        gradient();
        addGradient();
    }

    private void linearSums(Lanes lanes) {
        centre(lanes);
        pixels.each(pixel -> pixels.loadGradient(pixel.gradient(), pixel, lanes));
        addGradient();
    }

    private void addGradient() {
        pixels.addTo(Tables.GRADIENT, pixel -> code.add(SUM, SUM, pixel.gradient()));
        pixels.addTo(Tables.GRADIENT_INPUT, pixel -> code.multiplyAdd(SUM, pixel.gradient(), pixel.x()));
    }

    /**
     * What {@link #sums} finds is that of the output's gradient, and of ones in its place.
     *
     * @param withOutput whether to write it, scaled
     */
    private void squeezedSums(boolean withOutput, Lanes lanes) {
        zAndSigmoid(lanes);
        slope();
        pixels.each(pixel -> code.multiply(pixel.z(), pixel.z(), pixel.sigmoid()));
        if (withOutput) {
            code.load(SUM, Tables.FACTOR.address(), Lanes.ALL);
            pixels.each(pixel -> code.multiply(pixel.gradient(), pixel.z(), SUM));
            pixels.each(pixel -> pixels.storeOutput(pixel.gradient(), pixel, lanes));
        }
        pixels.each(pixel -> code.multiply(pixel.sigmoid(), pixel.sigmoid(), pixel.power()));
        pixels.each(pixel -> pixels.loadGradient(pixel.gradient(), pixel, lanes));
        pixels.addTo(Tables.GRADIENT_OUTPUT, pixel -> code.multiplyAdd(SUM, pixel.gradient(), pixel.z()));
        pixels.each(pixel -> code.multiply(pixel.gradient(), pixel.gradient(), pixel.sigmoid()));
        addGradient();
        pixels.addTo(Tables.SLOPES, pixel -> code.add(SUM, SUM, pixel.sigmoid()));
        pixels.addTo(Tables.SLOPES_INPUT, pixel -> code.multiplyAdd(SUM, pixel.sigmoid(), pixel.x()));
    }

    private void backward(boolean squeezed, Lanes lanes) {
        zAndSigmoid(lanes);
        pixels.each(pixel -> pixels.loadGradient(pixel.gradient(), pixel, lanes));
        if (squeezed) {
            code.load(SUM, Tables.FACTOR.address(), Lanes.ALL);
            pixels.each(pixel -> code.multiplyThenAdd(pixel.gradient(), SUM, Tables.SUMMAND.address()));
        }
        gradient();
        storeInputGradient(lanes);
    }

    private void linearBackward(Lanes lanes) {
        centre(lanes);
        pixels.each(pixel -> pixels.loadGradient(pixel.gradient(), pixel, lanes));
        code.load(SUM, Tables.FACTOR.address(), Lanes.ALL);
        pixels.each(pixel -> code.multiply(pixel.gradient(), pixel.gradient(), SUM));
        storeInputGradient(lanes);
    }

    /** scale dz + (x - mean) slope + constant */
    private void storeInputGradient(Lanes lanes) {
        code.load(SUM, Tables.SLOPE.address(), Lanes.ALL);
        pixels.each(pixel -> code.multiplyThenAdd(pixel.x(), SUM, Tables.CONSTANT.address()));
        pixels.each(pixel -> code.multiplyThenAdd(pixel.gradient(), Tables.SCALE.address(), pixel.x()));
        pixels.each(pixel -> pixels.storeOutput(pixel.gradient(), pixel, lanes));
    }

    /** x - mean */
    private void centre(Lanes lanes) {
        pixels.each(pixel -> pixels.loadInput(pixel.x(), pixel, lanes));
        pixels.each(pixel -> code.subtract(pixel.x(), pixel.x(), Tables.MEAN.address()));
    }

    /** power = 1 + e^-z, where e^-z = 2^floor(t) 2^(t - floor(t)) and t = -z log2 e */
    private void onePlusPower() {
        pixels.each(pixel -> code.multiply(pixel.power(), pixel.z(), MINUS_LOG2_E));
        pixels.each(pixel -> code.fraction(pixel.sigmoid(), pixel.power()));
        pixels.each(pixel -> code.copy(pixel.gradient(), COEFFICIENTS.get(0)));
        for (Vector coefficient : COEFFICIENTS.subList(1, COEFFICIENTS.size())) {
            pixels.each(pixel -> code.multiplyThenAdd(pixel.gradient(), pixel.sigmoid(), coefficient));
        }
        pixels.each(pixel -> code.multiplyThenAdd(pixel.gradient(), pixel.sigmoid(), ONE));
        pixels.each(pixel -> code.scale(pixel.power(), pixel.gradient(), pixel.power()));
        pixels.each(pixel -> code.add(pixel.power(), pixel.power(), ONE));
    }

    /** x becomes x - mean. */
    private void zAndSigmoid(Lanes lanes) {
        centre(lanes);
        pixels.each(pixel -> code.load(pixel.z(), Tables.SCALE.address(), Lanes.ALL));
        pixels.each(pixel -> code.multiplyThenAdd(pixel.z(), pixel.x(), Tables.OFFSET.address()));
        onePlusPower();
        pixels.each(pixel -> code.divide(pixel.sigmoid(), ONE, pixel.power()));
    }

    /** power = 1 + z (1 - s); with it silu'(z) = s power. */
    private void slope() {
        pixels.each(pixel -> code.subtract(pixel.power(), ONE, pixel.sigmoid()));
        pixels.each(pixel -> code.multiplyThenAdd(pixel.power(), pixel.z(), ONE));
    }

    /** gradient = gradient silu'(z) */
    private void gradient() {
        slope();
        pixels.each(pixel -> code.multiply(pixel.gradient(), pixel.gradient(), pixel.sigmoid()));
        pixels.each(pixel -> code.multiply(pixel.gradient(), pixel.gradient(), pixel.power()));
    }
}

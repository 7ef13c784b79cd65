package dev.lockstep.worker.step;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The closed formulas of the reference program: weights and data that any language can make. */
final class ConformanceValues {
    private static final long FNV_OFFSET = 0xCBF29CE484222325L;
    private static final long FNV_PRIME = 0x100000001B3L;
    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

    private ConformanceValues() {}

    /** A number in [0, 1) for each index: the top 53 bits of splitmix64 over the seed and the name's FNV-1a hash. */
    static double value(long seed, String name, int index) {
        long z = (seed ^ hash(name)) + (index + 1) * GOLDEN_GAMMA;
        return mix(z);
    }

    private static double mix(long start) {
        long z = start;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        z = z ^ (z >>> 31);
        return (z >>> 11) * 0x1p-53;
    }

    private static long hash(String name) {
        long hash = FNV_OFFSET;
        for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
            hash = (hash ^ (b & 0xFF)) * FNV_PRIME;
        }
        return hash;
    }

    /** A parameter or running statistic by its state_dict name. */
    static float[] weight(long seed, String name, long[] shape) {
        int size = (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        long start = seed ^ hash(name);
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            double u = mix(start + (i + 1) * GOLDEN_GAMMA);
            double s = 2 * u - 1;
            double x;
            if (name.endsWith("running_mean") || name.endsWith("bias")) {
                x = 0.1 * s;
            } else if (name.endsWith("running_var")) {
                x = 1 + 0.5 * u;
            } else if (shape.length == 4) {
                x = s * Math.sqrt(3) * Math.sqrt(2.0 / (shape[0] * shape[2] * shape[3]));
            } else if (shape.length == 2) {
                x = s / Math.sqrt((double) shape[0]);
            } else {
                x = 1 + 0.2 * s;
            }
            values[i] = (float) x;
        }
        return values;
    }

    /** Images in NCHW order. */
    static float[] images(long seed, int batch, int imageSize) {
        float[] values = new float[batch * 3 * imageSize * imageSize];
        long start = seed ^ hash("inputs");
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (2 * mix(start + (i + 1) * GOLDEN_GAMMA) - 1);
        }
        return values;
    }

    static long[] labels(long seed, int batch, int classes) {
        long[] labels = new long[batch];
        for (int i = 0; i < batch; i++) {
            labels[i] = (long) Math.floor(value(seed, "labels", i) * classes);
        }
        return labels;
    }
}

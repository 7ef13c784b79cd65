package dev.lockstep.coordinator.data;

/**
 * The weights with which one axis of an image is resampled, as Pillow computes them for {@code BILINEAR}: a triangle as wide as the
 * reduction, which is what keeps a reduced image free of aliasing, in fixed point with {@value #PRECISION_BITS} bits.
 *
 * <p>It is written here because no library of Java's resamples alike: Java's own bilinear and those built on it take the four
 * nearest pixels whatever the reduction.
 */
final class BilinearFilter {
    private static final int PRECISION_BITS = 22;
    private static final double SUPPORT = 1;

    private final int[] firsts;
    private final int[][] weights;

    private BilinearFilter(int[] firsts, int[][] weights) {
        this.firsts = firsts;
        this.weights = weights;
    }

    /**
     * The weights for a stretch of the resampled axis.
     *
     * @param from pixels of the original axis
     * @param to pixels that the whole of it is resampled to
     * @param start first pixel of the stretch, of the {@code to}
     * @param length pixels of the stretch
     */
    static BilinearFilter of(int from, int to, int start, int length) {
        double scale = (double) from / to;
        double filterScale = Math.max(scale, 1);
        double support = SUPPORT * filterScale;
        int[] firsts = new int[length];
        int[][] weights = new int[length][];
        for (int i = 0; i < length; i++) {
            double center = (start + i + 0.5) * scale;
            int first = Math.max((int) (center - support + 0.5), 0);
            int end = Math.min((int) (center + support + 0.5), from);
            firsts[i] = first;
            weights[i] = fixedPoint(triangle(first, end, center, filterScale));
        }
        return new BilinearFilter(firsts, weights);
    }

    private static double[] triangle(int first, int end, double center, double filterScale) {
        double[] weights = new double[end - first];
        double sum = 0;
        for (int k = 0; k < weights.length; k++) {
            weights[k] = Math.max(0, 1 - Math.abs((first + k - center + 0.5) * (1 / filterScale)));
            sum += weights[k];
        }
        for (int k = 0; k < weights.length; k++) {
            weights[k] /= sum;
        }
        return weights;
    }

    private static int[] fixedPoint(double[] weights) {
        int[] fixed = new int[weights.length];
        for (int k = 0; k < weights.length; k++) {
            fixed[k] = (int) (0.5 + weights[k] * (1 << PRECISION_BITS));
        }
        return fixed;
    }

    /** Pixels of the stretch. */
    int length() {
        return firsts.length;
    }

    /** First original pixel that the stretch needs. */
    int firstNeeded() {
        return firsts[0];
    }

    /** The original pixel after the last one that the stretch needs. */
    int endNeeded() {
        int last = length() - 1;
        return firsts[last] + weights[last].length;
    }

    /**
     * One resampled value.
     *
     * @param values of the original image
     * @param pixel of the stretch
     * @param origin index of the value of the axis's pixel 0
     * @param stride from a value to the same channel's next one along the axis
     */
    int value(RgbImage values, int pixel, int origin, int stride) {
        int[] weight = weights[pixel];
        int index = origin + firsts[pixel] * stride;
        int sum = 1 << (PRECISION_BITS - 1);
        for (int k = 0; k < weight.length; k++, index += stride) {
            sum += values.value(index) * weight[k];
        }
        return Math.min(Math.max(sum >> PRECISION_BITS, 0), 255);
    }
}

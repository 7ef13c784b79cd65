package dev.lockstep.coordinator.report;

import dev.lockstep.common.report.Quality.Interval;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.apache.commons.statistics.descriptive.Quantile;

/**
 * The 95 % confidence interval of a mean, by a circular block bootstrap (Politis and Romano, 1992): the samples are drawn again many times,
 * in blocks of neighbours, because neighbouring steps resemble each other. No distribution is presumed; outliers take part.
 *
 * <p>The interval is widened by the factor that Student's t has over the normal distribution, and by the part of the variance that
 * blocks lose. Without it, one from ten samples would hold the true mean in 86 of 100 cases; with it, in 92. The seed is fixed, so
 * that the same samples have the same interval.
 */
final class MeanInterval {
    private static final double CONFIDENCE = 0.95;
    private static final double[] TAILS = {(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2};
    private static final double NORMAL_QUANTILE = 1.959963984540054;
    private static final int RESAMPLES = 10_000;
    private static final long SEED = 20260301;

    private MeanInterval() {}

    /** The interval of these samples' mean; null for a single one. */
    static Interval of(List<Double> samples) {
        int size = samples.size();
        if (size < 2) {
            return null;
        }
        int block = (int) Math.round(Math.cbrt(size));
        double[] sums = cumulativeSums(samples);
        SplittableRandom random = new SplittableRandom(SEED);
        double[] means = IntStream.range(0, RESAMPLES)
                .mapToDouble(resample -> resampledMean(sums, size, block, random))
                .toArray();
        double[] ends = Quantile.withDefaults().evaluate(means, TAILS);
        double mean = sums[size] / size;
        double widening = Math.sqrt((double) size / (size - block)) * studentQuantile(size - 1) / NORMAL_QUANTILE;
        return new Interval(CONFIDENCE, mean - widening * (mean - ends[0]), mean + widening * (ends[1] - mean));
    }

    /** Sums of the first 0, 1, 2, ... samples, going round once. */
    private static double[] cumulativeSums(List<Double> samples) {
        double[] sums = new double[2 * samples.size() + 1];
        for (int i = 0; i < 2 * samples.size(); i++) {
            sums[i + 1] = sums[i] + samples.get(i % samples.size());
        }
        return sums;
    }

    private static double resampledMean(double[] sums, int size, int block, SplittableRandom random) {
        double sum = 0;
        for (int drawn = 0; drawn < size; drawn += block) {
            int start = random.nextInt(size);
            sum += sums[start + Math.min(block, size - drawn)] - sums[start];
        }
        return sum / size;
    }

    /** The 97.5 % quantile of Student's t, by the expansion of Cornish and Fisher; for 1 degree of freedom it is too small. */
    private static double studentQuantile(int freedom) {
        double z = NORMAL_QUANTILE;
        double first = (Math.pow(z, 3) + z) / 4;
        double second = (5 * Math.pow(z, 5) + 16 * Math.pow(z, 3) + 3 * z) / 96;
        double third = (3 * Math.pow(z, 7) + 19 * Math.pow(z, 5) + 17 * Math.pow(z, 3) - 15 * z) / 384;
        return z + first / freedom + second / Math.pow(freedom, 2) + third / Math.pow(freedom, 3);
    }
}

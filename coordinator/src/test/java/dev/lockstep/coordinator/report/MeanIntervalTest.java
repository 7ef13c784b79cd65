package dev.lockstep.coordinator.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.report.Quality.Interval;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.LongFunction;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MeanIntervalTest {
    private static final double MEAN = 100;
    private static final int SERIES = 300;

    private static List<Double> normal(int size, long seed) {
        Random random = new Random(seed);
        return DoubleStream.generate(() -> MEAN + random.nextGaussian())
                .limit(size)
                .boxed()
                .toList();
    }

    /** Every sample keeps half of the last one's deviation. */
    private static List<Double> correlated(int size, long seed) {
        Random random = new Random(seed);
        List<Double> samples = new ArrayList<>();
        double deviation = random.nextGaussian() / Math.sqrt(0.75);
        for (int i = 0; i < size; i++) {
            samples.add(MEAN + deviation);
            deviation = deviation / 2 + random.nextGaussian();
        }
        return samples;
    }

    private static double covered(LongFunction<List<Double>> series) {
        return IntStream.range(0, SERIES)
                        .filter(seed -> {
                            Interval interval = MeanInterval.of(series.apply(seed));
                            return interval.low() <= MEAN && MEAN <= interval.high();
                        })
                        .count()
                / (double) SERIES;
    }

    @Test
    void shouldHoldTheTrueMeanInAboutNinetyFiveOfAHundredCases() {
        for (int size : new int[] {5, 20, 50}) {
            double covered = covered(seed -> normal(size, seed));
            assertTrue(covered > 0.90 && covered < 0.98, size + " samples: " + covered);
        }
    }

    @Test
    void shouldStillHoldItMostlyWhenNeighboursResembleEachOther() {
        // The interval of samples taken for independent covers 75 % here, however many there are.
        double covered = covered(seed -> correlated(200, seed));
        assertTrue(covered > 0.87, "" + covered);
    }

    @Test
    void shouldShrinkWithTheSquareRootOfTheSamples() {
        Interval few = MeanInterval.of(normal(50, 1));
        Interval many = MeanInterval.of(normal(5000, 1));
        double ratio = (few.high() - few.low()) / (many.high() - many.low());
        assertTrue(ratio > 7 && ratio < 14, "" + ratio);
    }

    @Test
    void shouldBeTheSameForTheSameSamplesAndHoldTheirMean() {
        List<Double> samples = normal(20, 7);
        Interval interval = MeanInterval.of(samples);
        assertEquals(interval, MeanInterval.of(samples));
        double mean =
                samples.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
        assertTrue(interval.low() < mean && mean < interval.high());
        assertEquals(0.95, interval.confidence());
    }

    @Test
    void shouldReachFurtherWhereTheOutliersAre() {
        List<Double> samples = new ArrayList<>(normal(30, 3));
        samples.set(17, 150.0);
        Interval interval = MeanInterval.of(samples);
        double mean =
                samples.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
        assertTrue(interval.high() - mean > 1.2 * (mean - interval.low()), interval::toString);
    }

    @Test
    void shouldHaveNoWidthWithoutScatterAndNothingToSayOfOneSample() {
        assertEquals(new Interval(0.95, 2, 2), MeanInterval.of(List.of(2.0, 2.0, 2.0)));
        assertNull(MeanInterval.of(List.of(2.0)));
    }
}

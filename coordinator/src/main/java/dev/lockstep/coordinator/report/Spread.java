package dev.lockstep.coordinator.report;

import java.util.List;

/**
 * A figure that was taken several times.
 *
 * @param median of two middle ones their mean
 */
public record Spread(double median, double min, double max) {
    /** The spread of at least one value. */
    public static Spread of(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int size = sorted.size();
        double median = (sorted.get((size - 1) / 2) + sorted.get(size / 2)) / 2;
        return new Spread(median, sorted.get(0), sorted.get(size - 1));
    }
}

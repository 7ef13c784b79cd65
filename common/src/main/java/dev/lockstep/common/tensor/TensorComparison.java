package dev.lockstep.common.tensor;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * How far one set of tensors is from another, group by group. A tensor's group is its name up to the first slash: {@code loss},
 * {@code logits}, {@code grad}, {@code param}, {@code buffer}.
 *
 * <p>The error of a tensor is the largest of: each element's difference relative to its expected size plus the tensor's scale; the
 * difference of the sums relative to the scale times the number of elements; the difference of the L2 norms relative to the scale times
 * its root. The scale is the root mean square of the expected tensor plus a floor, 1e-4 of the largest root mean square in the group, so
 * that a gradient that is zero but for rounding is judged by its group. A NaN, an infinity or another shape is an infinite error.
 *
 * @param groups in the order of their first tensor
 * @param missing names expected but not there; tensors that nobody expected are not looked at
 */
public record TensorComparison(List<Group> groups, List<String> missing) {
    private static final double FLOOR = 1e-4;

    /** Keeps the cosine of a group of zeros defined. */
    private static final double SMALLEST_NORM = 1e-300;

    public TensorComparison {
        groups = List.copyOf(groups);
        missing = List.copyOf(missing);
    }

    /**
     * One group's result.
     *
     * @param tensors number of tensors compared
     * @param worstError the largest error of a tensor, infinite when it cannot be judged
     * @param worstTensor the name of the tensor that has it
     * @param cosine of the angle between the group's tensors of equal shape taken as one vector: 1 for equal directions, 0 when either is
     *     all zero, NaN when either is not finite
     */
    public record Group(String name, int tensors, double worstError, String worstTensor, double cosine) {}

    /**
     * Compares each expected tensor with the actual one of that name. Each set is read one tensor at a time.
     *
     * @param expected the reference; errors are relative to it
     */
    public static TensorComparison of(FloatTensors expected, FloatTensors actual) {
        Set<String> present = new HashSet<>(actual.names());
        Map<String, Double> floors = floors(expected);
        Map<String, Tally> tallies = new LinkedHashMap<>();
        List<String> missing = new ArrayList<>();
        for (String name : expected.names()) {
            if (!present.contains(name)) {
                missing.add(name);
                continue;
            }
            String group = groupOf(name);
            Tally tally = tallies.computeIfAbsent(group, Tally::new);
            if (expected.shape(name).equals(actual.shape(name))) {
                tally.add(name, expected.floats(name), actual.floats(name), floors.get(group));
            } else {
                tally.addError(name, Double.POSITIVE_INFINITY);
            }
        }
        return new TensorComparison(tallies.values().stream().map(Tally::group).toList(), missing);
    }

    /** Whether something was compared, nothing is missing, and no error is above the bound. */
    public boolean within(double bound) {
        return !groups.isEmpty() && missing.isEmpty() && groups.stream().allMatch(group -> group.worstError() <= bound);
    }

    private static Map<String, Double> floors(FloatTensors expected) {
        Map<String, Double> floors = new LinkedHashMap<>();
        for (String name : expected.names()) {
            float[] values = expected.floats(name);
            double floor = FLOOR * Math.sqrt(squares(values) / Math.max(1, values.length));
            // A tensor that is not finite fails on its own account and must not decide the scale of others.
            floors.merge(groupOf(name), Double.isFinite(floor) ? floor : 0.0, Math::max);
        }
        return floors;
    }

    private static String groupOf(String name) {
        int slash = name.indexOf('/');
        return slash < 0 ? name : name.substring(0, slash);
    }

    private static double squares(float[] values) {
        double squares = 0;
        for (float value : values) {
            squares += (double) value * value;
        }
        return squares;
    }

    private static double relative(double difference, double scale) {
        if (difference == 0) {
            return 0;
        }
        double error = Math.abs(difference) / scale;
        return Double.isNaN(error) ? Double.POSITIVE_INFINITY : error;
    }

    /** A group while it is being compared. */
    private static final class Tally {
        private final String name;
        private int tensors;
        private double worstError = -1;
        private String worstTensor = "";
        private double dotProduct;
        private double expectedSquares;
        private double actualSquares;

        Tally(String name) {
            this.name = name;
        }

        void add(String tensor, float[] expected, float[] actual, double floor) {
            double squaresOfExpected = squares(expected);
            double squaresOfActual = squares(actual);
            int count = Math.max(1, expected.length);
            double scale = Math.sqrt(squaresOfExpected / count) + floor;
            double error =
                    relative(Math.sqrt(squaresOfActual) - Math.sqrt(squaresOfExpected), scale * Math.sqrt(count));
            double sumOfDifferences = 0;
            for (int index = 0; index < expected.length; index++) {
                double difference = (double) actual[index] - expected[index];
                sumOfDifferences += difference;
                error = Math.max(error, relative(difference, scale + Math.abs(expected[index])));
                dotProduct += (double) actual[index] * expected[index];
            }
            expectedSquares += squaresOfExpected;
            actualSquares += squaresOfActual;
            addError(tensor, Math.max(error, relative(sumOfDifferences, scale * count)));
        }

        void addError(String tensor, double error) {
            tensors++;
            if (error > worstError) {
                worstError = error;
                worstTensor = tensor;
            }
        }

        Group group() {
            double cosine = dotProduct / (Math.sqrt(actualSquares) * Math.sqrt(expectedSquares) + SMALLEST_NORM);
            return new Group(name, tensors, worstError, worstTensor, cosine);
        }
    }
}

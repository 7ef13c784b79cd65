package dev.lockstep.coordinator.report;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Figures as people read them, the same in every language's locale. What was not measured is a dash, never a zero. */
final class Figures {
    /** Stands for a figure that there is none of. */
    static final String NONE = "-";

    private Figures() {}

    static String decimal(Double value, int decimals) {
        return value == null ? NONE : String.format(Locale.ROOT, "%." + decimals + "f", value);
    }

    /** With thousands separators. */
    static String whole(Long value) {
        return value == null ? NONE : String.format(Locale.ROOT, "%,d", value);
    }

    static String times(Double ratio) {
        return ratio == null ? NONE : decimal(ratio, 2) + "x";
    }

    static String percent(Double fraction) {
        return fraction == null ? NONE : decimal(fraction * 100, 1) + " %";
    }

    static String text(String value) {
        return value == null || value.isBlank() ? NONE : value;
    }

    /** Each with the same number of decimals, separated by {@code separator}. */
    static String decimals(List<Double> values, int decimals, String separator) {
        return values.stream().map(value -> decimal(value, decimals)).collect(Collectors.joining(separator));
    }

    /** {@code a}, {@code a and b}, {@code a, b and c}. */
    static String enumeration(List<String> words) {
        int last = words.size() - 1;
        return last < 1
                ? String.join("", words)
                : String.join(", ", words.subList(0, last)) + " and " + words.get(last);
    }
}

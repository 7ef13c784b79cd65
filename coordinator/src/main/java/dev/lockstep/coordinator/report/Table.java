package dev.lockstep.coordinator.report;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Rows under column headings, ready to print.
 *
 * @param textColumns how many columns at the left hold text; the others hold figures and are set flush right
 * @param rows each as long as {@code headings}
 */
record Table(List<String> headings, int textColumns, List<List<String>> rows) {
    Table {
        headings = List.copyOf(headings);
        rows = rows.stream().map(List::copyOf).toList();
        int columns = headings.size();
        if (rows.stream().anyMatch(row -> row.size() != columns)) {
            throw new IllegalArgumentException("a row does not have the " + columns + " columns of " + headings);
        }
    }

    boolean isEmpty() {
        return rows.isEmpty();
    }

    boolean isText(int column) {
        return column < textColumns;
    }

    /** A Markdown table whose source is aligned too, so that it reads on a terminal as it is. */
    String markdown() {
        int[] widths = IntStream.range(0, headings.size()).map(this::width).toArray();
        List<String> lines = new ArrayList<>();
        lines.add(line(headings, widths));
        lines.add(IntStream.range(0, widths.length)
                .mapToObj(column -> isText(column) ? "-".repeat(widths[column]) : "-".repeat(widths[column] - 1) + ":")
                .collect(Collectors.joining(" | ", "| ", " |")));
        rows.forEach(row -> lines.add(line(row, widths)));
        return String.join("\n", lines) + "\n";
    }

    private int width(int column) {
        int widest = rows.stream()
                .mapToInt(row -> escape(row.get(column)).length())
                .max()
                .orElse(0);
        return Math.max(3, Math.max(widest, headings.get(column).length()));
    }

    private String line(List<String> cells, int[] widths) {
        return IntStream.range(0, widths.length)
                .mapToObj(column -> pad(escape(cells.get(column)), widths[column], isText(column)))
                .collect(Collectors.joining(" | ", "| ", " |"));
    }

    private static String pad(String cell, int width, boolean left) {
        String space = " ".repeat(width - cell.length());
        return left ? cell + space : space + cell;
    }

    private static String escape(String cell) {
        return cell.replace("|", "\\|").replace("\n", " ");
    }
}

package dev.lockstep.coordinator.report;

import java.awt.Color;
import java.awt.Font;
import java.util.List;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.Styler.LegendPosition;

/** What the charts have in common. Colours are those of Okabe and Ito, which the colour-blind can tell apart. */
final class ChartStyle {
    static final int WIDTH = 900;
    static final int HEIGHT = 540;
    static final Color IDEAL = new Color(0x77, 0x77, 0x77);

    private static final Color BLUE = new Color(0x00, 0x72, 0xB2);
    private static final Color VERMILION = new Color(0xD5, 0x5E, 0x00);
    private static final Color GREEN = new Color(0x00, 0x9E, 0x73);
    private static final Color PURPLE = new Color(0xCC, 0x79, 0xA7);
    private static final Color ORANGE = new Color(0xE6, 0x9F, 0x00);
    private static final Color SKY = new Color(0x56, 0xB4, 0xE9);
    private static final Color YELLOW = new Color(0xF0, 0xE4, 0x42);
    private static final Color BLACK = new Color(0x22, 0x22, 0x22);
    private static final Color GREY = new Color(0xBB, 0xBB, 0xBB);

    /** For curves, in the order they are handed out. */
    static final List<Color> COLORS = List.of(BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK);

    private ChartStyle() {}

    static Color color(Phase phase) {
        return switch (phase) {
            case SCATTER -> SKY;
            case REPLICATE -> YELLOW;
            case FORWARD -> BLUE;
            case GATHER -> PURPLE;
            case LOSS -> BLACK;
            case BACKWARD -> VERMILION;
            case REDUCE -> GREEN;
            case OPTIMIZER -> ORANGE;
            case OTHER -> GREY;
        };
    }

    static void apply(AxesChartStyler styler) {
        styler.setChartBackgroundColor(Color.WHITE)
                .setPlotBackgroundColor(Color.WHITE)
                .setPlotBorderVisible(false)
                .setChartTitleBoxVisible(false)
                .setChartTitleFont(font(Font.BOLD, 18))
                .setChartPadding(16)
                .setLegendFont(font(Font.PLAIN, 13))
                .setLegendPosition(LegendPosition.OutsideE)
                .setLegendBorderColor(Color.WHITE)
                .setMarkerSize(9);
        styler.setAxisTitleFont(font(Font.PLAIN, 14))
                .setAxisTickLabelsFont(font(Font.PLAIN, 13))
                .setPlotGridVerticalLinesVisible(false)
                .setPlotGridLinesColor(new Color(0xDD, 0xDD, 0xDD))
                .setYAxisDecimalPattern("#,##0.##");
    }

    private static Font font(int style, int size) {
        return new Font(Font.SANS_SERIF, style, size);
    }
}

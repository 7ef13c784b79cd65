package dev.lockstep.coordinator.report;

import org.knowm.xchart.internal.chartpart.Chart;

/**
 * A plot before it is drawn.
 *
 * @param name of its files, without extension
 */
record Plot(String name, String title, Chart<?, ?> chart) {}

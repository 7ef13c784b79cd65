/** From step reports to figures, and from figures to the report's files: JSON, Markdown, CSV, HTML and plots. Free of Akka. */
package dev.lockstep.coordinator.report;

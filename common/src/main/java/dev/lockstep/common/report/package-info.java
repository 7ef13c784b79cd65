/** The report as it is written to {@code report.json}, schema {@code lockstep.report/1}. Units are in the names; null is "not measured". */
package dev.lockstep.common.report;

package dev.lockstep.common.report;

import java.util.List;

/**
 * A sentence that the results support.
 *
 * @param evidence ids of the results it rests on
 */
public record Observation(String text, List<String> evidence) {}

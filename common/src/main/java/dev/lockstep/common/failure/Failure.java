package dev.lockstep.common.failure;

/**
 * What went wrong.
 *
 * @param message one sentence: what, where, what to do
 */
public record Failure(FailureCategory category, String message) {}

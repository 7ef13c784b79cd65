package dev.lockstep.coordinator.verify;

/**
 * One line of a verdict.
 *
 * @param group {@code loss}, {@code logits}, {@code grad}, {@code param} or {@code buffer}
 * @param measured what was found, with its name: {@code error 1.2e-07}
 * @param bound what it had to be: {@code at most 1e-03}
 * @param tensor the tensor that is furthest off, where one is; else null
 */
public record Finding(String group, String measured, String bound, boolean holds, String tensor) {}

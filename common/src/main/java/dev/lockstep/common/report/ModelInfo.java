package dev.lockstep.common.report;

/**
 * What was trained.
 *
 * @param parameters trainable scalars
 * @param sizeMiB of the parameters in float32
 */
public record ModelInfo(String name, int classes, int imageSize, Long parameters, Double sizeMiB) {}

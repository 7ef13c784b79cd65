package dev.lockstep.common.plan;

/**
 * Which model a replica is.
 *
 * @param name {@code efficientnet_b0} to {@code efficientnet_b7}, or {@code tiny} or {@code empty}
 * @param classes outputs of the head
 * @param imageSize height and width of an input in pixels
 * @param dropout probability before the head; null for the variant's own
 * @param stochasticDepth probability at the last block; null for the variant's own
 */
public record ModelSpec(String name, int classes, int imageSize, Double dropout, Double stochasticDepth) {
    /** Red, green, blue. */
    public static final int CHANNELS = 3;

    /** Name of the head's weight, of shape [classes, features], in every model's state_dict. */
    public static final String HEAD_WEIGHT = "classifier.1.weight";

    /** Floats of one input image. */
    public long sampleFloats() {
        return (long) CHANNELS * imageSize * imageSize;
    }
}

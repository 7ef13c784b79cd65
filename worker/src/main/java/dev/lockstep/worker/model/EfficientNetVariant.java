package dev.lockstep.worker.model;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.Labelled;
import java.util.List;

/** The compound scaling of EfficientNet's one architecture, as in torchvision. */
public enum EfficientNetVariant implements Labelled {
    B0("efficientnet_b0", 1.0, 1.0, 0.2),
    B1("efficientnet_b1", 1.0, 1.1, 0.2),
    B2("efficientnet_b2", 1.1, 1.2, 0.3),
    B3("efficientnet_b3", 1.2, 1.4, 0.3),
    B4("efficientnet_b4", 1.4, 1.8, 0.4),
    B5("efficientnet_b5", 1.6, 2.2, 0.4),
    B6("efficientnet_b6", 1.8, 2.6, 0.5),
    B7("efficientnet_b7", 2.0, 3.1, 0.5),
    /** A few thousand parameters and every kind of block, from 32 pixels on: for Lockstep's own tests, not for measurements. */
    TINY("tiny", 1.0, 1.0, 0.2),
    /** No features at all, a head on a constant: a step of it is the harness alone, which is what it is there to measure. */
    EMPTY("empty", 1.0, 1.0, 0);

    private static final double STOCHASTIC_DEPTH = 0.2;
    private static final int CHANNEL_MULTIPLE = 8;
    private static final double MOST_ROUNDED_OFF = 0.9;

    private static final List<Stage> STAGES = List.of(
            new Stage(1, 3, 1, 32, 16, 1),
            new Stage(6, 3, 2, 16, 24, 2),
            new Stage(6, 5, 2, 24, 40, 2),
            new Stage(6, 3, 2, 40, 80, 3),
            new Stage(6, 5, 1, 80, 112, 3),
            new Stage(6, 5, 2, 112, 192, 4),
            new Stage(6, 3, 1, 192, 320, 1));

    private static final List<Stage> TINY_STAGES =
            List.of(new Stage(1, 3, 1, 8, 8, 1), new Stage(2, 3, 2, 8, 16, 1), new Stage(2, 5, 1, 16, 16, 1));

    private final String label;
    private final double width;
    private final double depth;
    private final double dropout;

    EfficientNetVariant(String label, double width, double depth, double dropout) {
        this.label = label;
        this.width = width;
        this.depth = depth;
        this.dropout = dropout;
    }

    /**
     * The variant of a name.
     *
     * @throws LockstepException if there is none
     */
    public static EfficientNetVariant named(String name) {
        return Labelled.find(EfficientNetVariant.class, name)
                .orElseThrow(() -> new LockstepException(
                        FailureCategory.USAGE,
                        "there is no model '" + name + "': choose one of "
                                + Labelled.labels(EfficientNetVariant.class)));
    }

    @Override
    public String label() {
        return label;
    }

    /** The table's rows; none for {@link #EMPTY}, which has no features. */
    List<Stage> stages() {
        return switch (this) {
            case B0, B1, B2, B3, B4, B5, B6, B7 -> STAGES;
            case TINY -> TINY_STAGES;
            case EMPTY -> List.of();
        };
    }

    /** A number of channels of the table, scaled by this variant's width. */
    int channels(int unscaled) {
        return roundChannels(unscaled * width);
    }

    /** A number of blocks of the table, scaled by this variant's depth. */
    int blocks(int unscaled) {
        return (int) Math.ceil(unscaled * depth);
    }

    /** Probability before the head. */
    double dropout() {
        return dropout;
    }

    /** Probability the last block's stochastic depth would have; the others' rise to it linearly from 0. */
    double stochasticDepth() {
        return STOCHASTIC_DEPTH;
    }

    double batchNormMomentum() {
        return isLarge() ? 0.01 : 0.1;
    }

    double batchNormEpsilon() {
        return isLarge() ? 1e-3 : 1e-5;
    }

    private boolean isLarge() {
        return this == B5 || this == B6 || this == B7;
    }

    /** The nearest multiple of eight, but never more than a tenth less: torchvision's {@code _make_divisible}. */
    static int roundChannels(double channels) {
        int rounded = Math.max(
                CHANNEL_MULTIPLE, (int) (channels + CHANNEL_MULTIPLE / 2.0) / CHANNEL_MULTIPLE * CHANNEL_MULTIPLE);
        return rounded < MOST_ROUNDED_OFF * channels ? rounded + CHANNEL_MULTIPLE : rounded;
    }
}

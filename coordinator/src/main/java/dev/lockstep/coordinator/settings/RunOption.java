package dev.lockstep.coordinator.settings;

import dev.lockstep.common.plan.Labelled;

/** Every option of a run by its name on the command line and in a plan file, in the order it is printed. */
enum RunOption implements Labelled {
    MODEL("model"),
    CLASSES("classes"),
    IMAGE_SIZE("image-size"),
    DEVICES("devices"),
    STRATEGY("strategy"),
    PRECISION("precision"),
    BATCH_PER_DEVICE("batch-per-device"),
    GLOBAL_BATCH("global-batch"),
    ON_OUT_OF_MEMORY("on-out-of-memory"),
    STEPS("steps"),
    WARMUP("warmup"),
    WARMUP_LIMIT("warmup-limit"),
    ROUNDS("rounds"),
    OPTIMIZER("optimizer"),
    LEARNING_RATE("learning-rate"),
    MOMENTUM("momentum"),
    WEIGHT_DECAY("weight-decay"),
    NESTEROV("nesterov"),
    DROPOUT("dropout"),
    STOCHASTIC_DEPTH("stochastic-depth"),
    MEMORY_FORMAT("memory-format"),
    CUDA_GRAPHS("cuda-graphs"),
    DATA("data"),
    SEED("seed"),
    WEIGHTS("weights"),
    SAVE_WEIGHTS("save-weights"),
    /** For {@code lockstep trace}, which has an option of its own. */
    TRACE("trace"),
    OUTPUT("output"),
    NOTE("note");

    private final String label;

    RunOption(String label) {
        this.label = label;
    }

    @Override
    public String label() {
        return label;
    }
}

package dev.lockstep.coordinator.cli;

import dev.lockstep.common.plan.DataSpec;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/** What a run can be told: an option of {@code run} and a key of the plan file, each with the same name. */
enum RunSetting {
    DEVICES("devices", "COUNTS", Form.TEXT, "device counts to measure, as in 1,2,4"),
    STRATEGY("strategy", "NAMES", Form.TEXT, "how replicas work together: data-parallel"),
    PRECISION("precision", "NAMES", Form.TEXT, "arithmetic of forward and backward: fp32"),
    BATCH_PER_DEVICE("batch-per-device", "N", Form.WHOLE_NUMBER, "images per device and step (weak scaling)"),
    GLOBAL_BATCH("global-batch", "N", Form.WHOLE_NUMBER, "images per step over all devices (strong scaling)"),
    IMAGE_SIZE("image-size", "PIXELS", Form.WHOLE_NUMBER, "height and width of an image"),
    CLASSES("classes", "N", Form.WHOLE_NUMBER, "outputs of the model's head"),
    MODEL("model", "NAME", Form.TEXT, "efficientnet_b0 to efficientnet_b7; tiny is for tests"),
    STEPS("steps", "N", Form.WHOLE_NUMBER, "measured steps of each measurement"),
    WARMUP("warmup", "N", Form.WHOLE_NUMBER, "steps before the first measured one"),
    OPTIMIZER("optimizer", "NAME", Form.TEXT, "sgd"),
    LEARNING_RATE("learning-rate", "X", Form.NUMBER, "the optimizer's learning rate"),
    MOMENTUM("momentum", "X", Form.NUMBER, "the optimizer's momentum"),
    WEIGHT_DECAY("weight-decay", "X", Form.NUMBER, "the optimizer's L2 penalty"),
    DROPOUT("dropout", "P", Form.NUMBER, "probability before the head, instead of the model's own"),
    STOCHASTIC_DEPTH("stochastic-depth", "P", Form.NUMBER, "probability at the last block, instead of the model's own"),
    MEMORY_FORMAT("memory-format", "NAME", Form.TEXT, "channels-last or contiguous"),
    DATA("data", "SOURCE", Form.TEXT, "synthetic, or imagefolder:DIR with one sub-folder a class"),
    SEED("seed", "N", Form.WHOLE_NUMBER, "decides weights, data, dropout and stochastic depth"),
    OUTPUT("output", "DIR", Form.TEXT, "folder for the report instead of one in the run folder");

    /** What a value looks like, as far as the command line checks it; the coordinator checks what it means. */
    private enum Form {
        TEXT,
        WHOLE_NUMBER,
        NUMBER
    }

    private final String key;
    private final String placeholder;
    private final Form form;
    private final String description;

    RunSetting(String key, String placeholder, Form form, String description) {
        this.key = key;
        this.placeholder = placeholder;
        this.form = form;
        this.description = description;
    }

    /** The name in plan files and requests; with two dashes it is the option. */
    String key() {
        return key;
    }

    String option() {
        return "--" + key;
    }

    String placeholder() {
        return placeholder;
    }

    String description() {
        return description;
    }

    static Optional<RunSetting> find(String key) {
        return Arrays.stream(values())
                .filter(setting -> setting.key.equals(key))
                .findFirst();
    }

    /**
     * A value as it goes to the coordinator, which may stand elsewhere: its paths are absolute.
     *
     * @param directory what relative paths count from
     * @throws IllegalArgumentException if it does not look like a value of this setting; the message is for the user
     */
    String resolve(String value, Path directory) {
        try {
            switch (form) {
                case WHOLE_NUMBER -> Long.parseLong(value);
                case NUMBER -> Double.parseDouble(value);
                case TEXT -> {}
            }
        } catch (NumberFormatException e) {
            String expected = form == Form.WHOLE_NUMBER ? "a whole number" : "a number";
            throw new IllegalArgumentException("'" + value + "' is not " + expected, e);
        }
        if (this == OUTPUT) {
            return absolute(value, directory);
        }
        if (this == DATA && value.startsWith(DataSpec.IMAGE_FOLDER_PREFIX)) {
            String folder = value.substring(DataSpec.IMAGE_FOLDER_PREFIX.length());
            return folder.isEmpty() ? value : DataSpec.IMAGE_FOLDER_PREFIX + absolute(folder, directory);
        }
        return value;
    }

    private static String absolute(String path, Path directory) {
        return directory.resolve(path).toAbsolutePath().normalize().toString();
    }
}

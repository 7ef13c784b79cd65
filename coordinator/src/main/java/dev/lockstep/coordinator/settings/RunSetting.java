package dev.lockstep.coordinator.settings;

import dev.lockstep.common.plan.DataSpec;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What a run can be told, in the order in which help and runs list it: an option of {@code run}, a key of the plan file and of a request
 * to the coordinator, all by the same name.
 */
public enum RunSetting {
    DEVICES("devices", "COUNTS", Form.WHOLE_NUMBERS, "device counts to measure, as in 1,2,4"),
    STRATEGY("strategy", "NAMES", Form.NAMES, "how replicas work together: data-parallel, all-reduce"),
    PRECISION(
            "precision",
            "NAMES",
            Form.NAMES,
            "arithmetic of forward and backward: fp32, fp32-strict, amp, amp-fp16, amp-bf16"),
    BATCH_PER_DEVICE(
            "batch-per-device",
            "SIZES",
            Form.BATCHES,
            "images per device and step (weak scaling), as in 8,16,32; max finds the largest that fits"),
    GLOBAL_BATCH(
            "global-batch",
            "SIZES",
            Form.WHOLE_NUMBERS,
            "images per step over all devices (strong scaling), as in 16,32"),
    ON_OUT_OF_MEMORY(
            "on-out-of-memory",
            "WHAT",
            Form.TEXT,
            "fail, or halve: measure half the batch where one does not fit, and say so"),
    IMAGE_SIZE("image-size", "PIXELS", Form.WHOLE_NUMBER, "height and width of an image"),
    CLASSES("classes", "N", Form.WHOLE_NUMBER, "outputs of the model's head"),
    MODEL("model", "NAME", Form.TEXT, "efficientnet_b0 to efficientnet_b7; tiny and empty are for tests"),
    STEPS("steps", "N", Form.WHOLE_NUMBER, "measured steps of each measurement"),
    WARMUP(
            "warmup",
            "N",
            Form.WHOLE_NUMBER,
            "least number of steps before the first measured one, which comes when the step time is steady"),
    WARMUP_LIMIT(
            "warmup-limit",
            "N",
            Form.WHOLE_NUMBER,
            "most steps before the first measured one; as many as --warmup for exactly that many"),
    ROUNDS("rounds", "N", Form.WHOLE_NUMBER, "measure everything so often, in turns, so that drift is no result"),
    OPTIMIZER("optimizer", "NAME", Form.TEXT, "sgd, adam or adamw"),
    LEARNING_RATE("learning-rate", "X", Form.NUMBER, "the optimizer's learning rate"),
    MOMENTUM("momentum", "X", Form.NUMBER, "the optimizer's momentum"),
    WEIGHT_DECAY("weight-decay", "X", Form.NUMBER, "the optimizer's weight decay"),
    NESTEROV("nesterov", "BOOL", Form.FLAG, "use Nesterov's momentum with sgd"),
    DROPOUT("dropout", "P", Form.NUMBER, "probability before the head, instead of the model's own"),
    STOCHASTIC_DEPTH("stochastic-depth", "P", Form.NUMBER, "probability at the last block, instead of the model's own"),
    MEMORY_FORMAT("memory-format", "NAME", Form.TEXT, "channels-last or contiguous"),
    CUDA_GRAPHS("cuda-graphs", "BOOL", Form.FLAG, "record a GPU's step once and replay it as one launch"),
    DATA(
            "data",
            "SOURCE",
            Form.TEXT,
            "synthetic, imagefolder:DIR with one sub-folder a class, or tensors:FILE with the batch of every step"),
    SEED("seed", "N", Form.WHOLE_NUMBER, "decides weights, data, dropout and stochastic depth"),
    WEIGHTS("weights", "FILE", Form.PATH, "start from these weights: safetensors with torchvision's names"),
    SAVE_WEIGHTS(
            "save-weights", "FILE", Form.PATH, "write the weights at the end; for a plan of one measurement alone"),
    TRACE("trace", "FILE", Form.HIDDEN_PATH, "what lockstep trace writes"),
    OUTPUT("output", "DIR", Form.PATH, "folder for the report instead of one in the run folder"),
    NOTE("note", "TEXT", Form.TEXT, "a remark that the report repeats");

    /** What a value looks like, as far as the command line checks it; the coordinator checks what it means. */
    private enum Form {
        TEXT,
        NAMES,
        WHOLE_NUMBER,
        WHOLE_NUMBERS,
        BATCHES,
        NUMBER,
        FLAG,
        PATH,
        HIDDEN_PATH
    }

    /** Stands for the largest batch that fits. */
    static final String LARGEST_BATCH = "max";

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
    public String key() {
        return key;
    }

    /** The name on the command line. */
    public String option() {
        return "--" + key;
    }

    /** Stands for the value in the help. */
    public String placeholder() {
        return placeholder;
    }

    /** Says in the help what it is. */
    public String description() {
        return description;
    }

    /** Whether the option may stand without a value, which then is {@code true}. */
    public boolean isFlag() {
        return form == Form.FLAG;
    }

    /** Whether it takes several values, with commas between them; a folder's name may hold a comma and is one. */
    boolean isList() {
        return form == Form.NAMES || form == Form.WHOLE_NUMBERS || form == Form.BATCHES;
    }

    /** Whether the help leaves it out. */
    public boolean isHidden() {
        return form == Form.HIDDEN_PATH;
    }

    /** Settings as they go to the coordinator. */
    public static Map<String, String> byKey(Map<RunSetting, String> settings) {
        Map<String, String> byKey = new TreeMap<>();
        settings.forEach((setting, value) -> byKey.put(setting.key, value));
        return byKey;
    }

    /** The one of this name. */
    public static Optional<RunSetting> find(String key) {
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
    public String resolve(String value, Path directory) {
        check(value);
        return switch (form) {
            case TEXT -> this == DATA ? resolveData(value, directory) : value;
            case NAMES, WHOLE_NUMBER, WHOLE_NUMBERS, BATCHES, NUMBER, FLAG -> value;
            case PATH, HIDDEN_PATH -> absolute(value, directory);
        };
    }

    private void check(String value) {
        try {
            switch (form) {
                case WHOLE_NUMBER -> Long.parseLong(value);
                case WHOLE_NUMBERS -> requireWholeNumbers(value);
                case BATCHES -> requireBatches(value);
                case NUMBER -> Double.parseDouble(value);
                case FLAG -> requireFlag(value);
                case TEXT, NAMES, PATH, HIDDEN_PATH -> {}
            }
        } catch (NumberFormatException e) {
            String expected =
                    switch (form) {
                        case WHOLE_NUMBERS -> "a list of whole numbers";
                        case BATCHES -> "a list of whole numbers, or max";
                        case NUMBER -> "a number";
                        case WHOLE_NUMBER, TEXT, NAMES, FLAG, PATH, HIDDEN_PATH -> "a whole number";
                    };
            throw new IllegalArgumentException("'" + value + "' is not " + expected, e);
        }
    }

    private static void requireBatches(String value) {
        if (!value.equals(LARGEST_BATCH)) {
            requireWholeNumbers(value);
        }
    }

    private static void requireWholeNumbers(String value) {
        for (String number : value.split(",", -1)) {
            Long.parseLong(number.strip());
        }
    }

    private static void requireFlag(String value) {
        if (!value.equals("true") && !value.equals("false")) {
            throw new IllegalArgumentException("'" + value + "' is neither true nor false");
        }
    }

    private static String resolveData(String value, Path directory) {
        for (String prefix : List.of(DataSpec.IMAGE_FOLDER_PREFIX, DataSpec.TENSORS_PREFIX)) {
            if (value.startsWith(prefix) && value.length() > prefix.length()) {
                return prefix + absolute(value.substring(prefix.length()), directory);
            }
        }
        return value;
    }

    private static String absolute(String path, Path directory) {
        return directory.resolve(path).toAbsolutePath().normalize().toString();
    }
}

package dev.lockstep.coordinator.settings;

import com.typesafe.config.Config;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.DataSpec;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OnOutOfMemory;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.work.StateFiles;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Makes a run of the options a user gave: fills in defaults and checks every value. */
public final class RunRequests {
    /** No cluster has more. */
    private static final int MOST_DEVICES = 999;

    private static final int SMALLEST_IMAGE = 32;
    /** More than any machine holds, and few enough that no product of it with device counts is out of an int's range. */
    private static final int MOST_IMAGES = 1 << 20;

    private static final Set<String> MODELS = Stream.concat(
                    IntStream.rangeClosed(0, 7).mapToObj(variant -> "efficientnet_b" + variant),
                    Stream.of("tiny", "empty"))
            .collect(Collectors.toUnmodifiableSet());

    private RunRequests() {}

    /**
     * Reads a run.
     *
     * @param given option values by option name, as the user set them
     * @param clusterDevices how many devices the cluster has
     * @param onCpu whether they are CPU devices
     * @throws LockstepException USAGE for a wrong option, ENVIRONMENT for a device count that the cluster lacks
     */
    public static RunRequest read(Config given, int clusterDevices, boolean onCpu) {
        RunOptions options = RunOptions.of(given, onCpu);
        Plan plan = new Plan(
                devices(options, clusterDevices),
                options.constants(RunSetting.STRATEGY, Strategy.class),
                options.constants(RunSetting.PRECISION, Precision.class),
                batchPerDevice(options),
                options.isGiven(RunSetting.GLOBAL_BATCH) ? batches(options, RunSetting.GLOBAL_BATCH) : null,
                model(options),
                options.integer(RunSetting.STEPS, 1),
                options.integer(RunSetting.WARMUP, 0),
                optimizer(options),
                options.constant(RunSetting.MEMORY_FORMAT, MemoryFormat.class),
                data(options),
                options.longInteger(RunSetting.SEED),
                isLargestBatch(options),
                options.integer(RunSetting.ROUNDS, 1),
                options.constant(RunSetting.ON_OUT_OF_MEMORY, OnOutOfMemory.class),
                warmupLimit(options),
                cudaGraphs(options, onCpu));
        if (plan.largestBatch() && plan.data() instanceof DataSpec.Tensors) {
            throw RunOptions.usage(
                    "--batch-per-device max needs batches of any size, and --data tensors:FILE is one: name its size");
        }
        Path output = options.isSet(RunSetting.OUTPUT) ? Path.of(options.text(RunSetting.OUTPUT)) : null;
        return new RunRequest(
                plan, files(options, plan), output, configuration(options, plan), notes(options, plan, onCpu));
    }

    /**
     * Reads a run while there is no cluster yet: for any number of devices, which are CPU devices unless an option is for GPUs alone.
     *
     * @throws LockstepException USAGE for a wrong option
     */
    public static RunRequest readForAnyCluster(Config given) {
        boolean onCpu = !RunOptions.of(given, true).flag(RunSetting.CUDA_GRAPHS);
        return read(given, MOST_DEVICES, onCpu);
    }

    private static StateFiles files(RunOptions options, Plan plan) {
        for (RunSetting written : new RunSetting[] {RunSetting.SAVE_WEIGHTS, RunSetting.TRACE}) {
            if (options.isSet(written)) {
                requireOneMeasurement(written, plan);
            }
        }
        return new StateFiles(
                options.pathIfSet(RunSetting.WEIGHTS),
                options.pathIfSet(RunSetting.SAVE_WEIGHTS),
                options.pathIfSet(RunSetting.TRACE));
    }

    private static void requireOneMeasurement(RunSetting written, Plan plan) {
        if (plan.largestBatch()) {
            throw RunOptions.usage(
                    "%s needs a plan of one measurement, and --batch-per-device max makes several: name the batch"
                            .formatted(written.option()));
        }
        int measurements = plan.measurements().size() * plan.rounds();
        if (measurements != 1) {
            throw RunOptions.usage(
                    "%s needs a plan of one measurement, and this one has %d: name one device count, batch, strategy and precision, and one round"
                            .formatted(written.option(), measurements));
        }
    }

    /** Counts that were asked for must all be there; of the default ones those the cluster has are taken. */
    private static List<Integer> devices(RunOptions options, int clusterDevices) {
        List<Integer> counts = options.integers(RunSetting.DEVICES, 1);
        if (!options.isGiven(RunSetting.DEVICES)) {
            return counts.stream().filter(count -> count <= clusterDevices).toList();
        }
        for (int count : counts) {
            if (count > clusterDevices) {
                throw new LockstepException(
                        FailureCategory.ENVIRONMENT,
                        "--devices asks for %d, but the cluster has %d: start it with more, or ask for fewer"
                                .formatted(count, clusterDevices));
            }
        }
        return counts;
    }

    private static boolean isLargestBatch(RunOptions options) {
        boolean largest = !options.isGiven(RunSetting.GLOBAL_BATCH)
                && options.texts(RunSetting.BATCH_PER_DEVICE).contains(RunSetting.LARGEST_BATCH);
        if (largest && options.texts(RunSetting.BATCH_PER_DEVICE).size() > 1) {
            throw RunOptions.usage("--batch-per-device max stands alone: it is found out, and other batches are named");
        }
        return largest;
    }

    private static List<Integer> batchPerDevice(RunOptions options) {
        if (options.isGiven(RunSetting.GLOBAL_BATCH)) {
            if (options.isGiven(RunSetting.BATCH_PER_DEVICE)) {
                throw RunOptions.usage("--batch-per-device and --global-batch exclude each other: give one of them");
            }
            return null;
        }
        return isLargestBatch(options) ? null : batches(options, RunSetting.BATCH_PER_DEVICE);
    }

    private static List<Integer> batches(RunOptions options, RunSetting option) {
        List<Integer> batches = options.integers(option, 1);
        if (Collections.max(batches) > MOST_IMAGES) {
            throw RunOptions.usage("%s is %d: it must be at most %d"
                    .formatted(option.option(), Collections.max(batches), MOST_IMAGES));
        }
        return batches;
    }

    /** A run whose outcome must follow from its options alone has a fixed number of steps unless told otherwise; no warm-up is none. */
    private static int warmupLimit(RunOptions options) {
        int least = options.integer(RunSetting.WARMUP, 0);
        boolean exact = least == 0 || options.isSet(RunSetting.SAVE_WEIGHTS) || options.isSet(RunSetting.TRACE);
        if (options.isGiven(RunSetting.WARMUP_LIMIT)) {
            int limit = options.integer(RunSetting.WARMUP_LIMIT, 0);
            if (limit < least) {
                throw RunOptions.usage(
                        "--warmup-limit is %d: it must be at least --warmup, which is %d".formatted(limit, least));
            }
            return limit;
        }
        return exact ? least : Math.max(least, options.integer(RunSetting.WARMUP_LIMIT, 0));
    }

    private static boolean cudaGraphs(RunOptions options, boolean onCpu) {
        boolean wanted = options.flag(RunSetting.CUDA_GRAPHS);
        if (wanted && onCpu) {
            throw RunOptions.usage("--cuda-graphs is for GPUs, and the cluster's devices are CPU devices");
        }
        return wanted;
    }

    private static ModelSpec model(RunOptions options) {
        String name = options.text(RunSetting.MODEL);
        if (!MODELS.contains(name)) {
            throw RunOptions.usage(
                    "unknown model '" + name + "': it is one of efficientnet_b0 to efficientnet_b7, tiny, empty");
        }
        return new ModelSpec(
                name,
                options.integer(RunSetting.CLASSES, 2),
                options.integer(RunSetting.IMAGE_SIZE, SMALLEST_IMAGE),
                options.numberIfSet(RunSetting.DROPOUT, 0, 1),
                options.numberIfSet(RunSetting.STOCHASTIC_DEPTH, 0, 1));
    }

    private static OptimizerSpec optimizer(RunOptions options) {
        OptimizerKind kind = options.constant(RunSetting.OPTIMIZER, OptimizerKind.class);
        double momentum = options.number(RunSetting.MOMENTUM, 0, 1);
        boolean nesterov = options.flag(RunSetting.NESTEROV);
        if (nesterov && (kind != OptimizerKind.SGD || momentum == 0)) {
            throw RunOptions.usage("--nesterov is for sgd with a momentum above 0");
        }
        return new OptimizerSpec(
                kind,
                options.number(RunSetting.LEARNING_RATE, 0, Double.POSITIVE_INFINITY),
                momentum,
                options.number(RunSetting.WEIGHT_DECAY, 0, Double.POSITIVE_INFINITY),
                nesterov);
    }

    private static DataSpec data(RunOptions options) {
        try {
            return DataSpec.parse(options.text(RunSetting.DATA));
        } catch (IllegalArgumentException e) {
            throw new LockstepException(FailureCategory.USAGE, "--data: " + e.getMessage(), e);
        }
    }

    private static List<String> configuration(RunOptions options, Plan plan) {
        List<String> lines = new ArrayList<>();
        for (RunSetting option : RunSetting.values()) {
            boolean excluded = option == RunSetting.BATCH_PER_DEVICE && options.isGiven(RunSetting.GLOBAL_BATCH);
            if (options.isSet(option) && !excluded) {
                String value = effective(option, options, plan);
                lines.add("%-17s %s%s".formatted(option.key(), value, options.isGiven(option) ? "" : "  (default)"));
            }
        }
        return lines;
    }

    private static String effective(RunSetting option, RunOptions options, Plan plan) {
        return switch (option) {
            case DEVICES -> plan.devices().stream().map(String::valueOf).collect(Collectors.joining(","));
            case WARMUP_LIMIT -> String.valueOf(plan.warmupLimit());
            default -> String.join(",", options.texts(option));
        };
    }

    private static List<String> notes(RunOptions options, Plan plan, boolean onCpu) {
        List<String> notes = new ArrayList<>();
        if (options.isSet(RunSetting.NOTE)) {
            notes.add(options.text(RunSetting.NOTE));
        }
        if (options.isSet(RunSetting.WEIGHTS)) {
            notes.add("The weights are from " + options.pathIfSet(RunSetting.WEIGHTS) + ".");
        }
        if (plan.strategies().size() > 1 && plan.devices().contains(1)) {
            notes.add("On one device all strategies are the same computation: it was measured once, as "
                    + plan.strategies().get(0).label() + ".");
        }
        if (onCpu) {
            smallerDefaults(options).ifPresent(notes::add);
        }
        return notes;
    }

    private static Optional<String> smallerDefaults(RunOptions options) {
        String smaller = Arrays.stream(
                        new RunSetting[] {RunSetting.BATCH_PER_DEVICE, RunSetting.STEPS, RunSetting.WARMUP})
                .filter(option -> !options.isGiven(option))
                .filter(option -> option != RunSetting.BATCH_PER_DEVICE || !options.isGiven(RunSetting.GLOBAL_BATCH))
                .map(option -> "%s %s instead of %s"
                        .formatted(option.key(), options.text(option), RunOptions.documentDefault(option)))
                .collect(Collectors.joining(", "));
        return smaller.isEmpty()
                ? Optional.empty()
                : Optional.of("Defaults for CPU devices are smaller than for GPUs, so that a run takes minutes: "
                        + smaller + ".");
    }
}

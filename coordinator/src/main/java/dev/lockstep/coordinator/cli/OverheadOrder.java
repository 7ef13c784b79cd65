package dev.lockstep.coordinator.cli;

import com.typesafe.config.ConfigFactory;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.work.BareOrder;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.coordinator.overhead.Contender;
import dev.lockstep.coordinator.settings.RunRequests;
import dev.lockstep.coordinator.settings.RunSetting;
import java.time.Duration;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What an overhead measurement is to measure.
 *
 * @param settings of Lockstep's runs, but for device count and strategy
 * @param plan the same, read; of one precision
 * @param rounds how often each contender trains
 * @param turn how long either side trains while the other stands still
 * @param processWarmup steps of the small model that new processes train first
 * @param emptyWorkers worker counts of the empty step
 * @param emptySteps how many empty steps are timed
 */
record OverheadOrder(
        Map<RunSetting, String> settings,
        Plan plan,
        int rounds,
        Duration turn,
        int processWarmup,
        List<Integer> emptyWorkers,
        int emptySteps) {
    /** Members of a cluster that hear nothing of each other for half a minute take each other for dead. */
    private static final int LONGEST_TURN_SECONDS = 20;

    private static final int TURN_SECONDS = 4;

    /**
     * Java compiles what a step runs after hundreds or thousands of them, many more than a round has of a model whose step takes a second.
     * Until then the compiler takes a processor from one replica, for which the others wait.
     */
    private static final int PROCESS_WARMUP = 3000;

    private static final int QUICK_PROCESS_WARMUP = 100;

    /** In an empty step hardly anything but Java code runs: tens of thousands make it steady. */
    private static final int EMPTY_WARMUP_FOR_EACH_TIMED = 15;

    private static final Map<RunSetting, String> DEFAULTS = Map.of(
            RunSetting.DEVICES, "1,2",
            RunSetting.STRATEGY, "data-parallel,all-reduce",
            RunSetting.PRECISION, "fp32",
            RunSetting.STEPS, "32",
            RunSetting.WARMUP, "24");
    private static final Map<RunSetting, String> QUICK = Map.of(
            RunSetting.STEPS, "3",
            RunSetting.WARMUP, "1",
            RunSetting.BATCH_PER_DEVICE, "4");

    OverheadOrder {
        settings = Map.copyOf(settings);
        emptyWorkers = List.copyOf(emptyWorkers);
    }

    /**
     * Makes the order.
     *
     * @param chosen the user's own settings
     * @param rounds null for the default, as are the others
     * @throws CommandException or {@link dev.lockstep.common.failure.LockstepException} if a value will not do
     */
    static OverheadOrder of(
            Map<RunSetting, String> chosen,
            boolean quick,
            Integer rounds,
            Integer turnSeconds,
            List<Integer> emptyWorkers,
            Integer emptySteps) {
        Map<RunSetting, String> settings = new EnumMap<>(DEFAULTS);
        if (quick) {
            settings.putAll(QUICK);
        }
        settings.putAll(chosen);
        Plan plan = RunRequests.readForAnyCluster(ConfigFactory.parseMap(RunSetting.byKey(settings)))
                .plan();
        if (plan.precisions().size() != 1) {
            throw usage("--precision takes one value here: compare one after the other");
        }
        if (plan.precisions().get(0) == Precision.AMP_FP16) {
            throw usage(
                    "--precision amp-fp16 scales its loss, which the bare loop does not: take fp32, amp or amp-bf16");
        }
        if (plan.largestBatch()
                || plan.batchPerDevice() == null
                || plan.batchPerDevice().size() != 1) {
            throw usage("--batch-per-device takes one number here: compare one after the other");
        }
        List<Integer> workers = emptyWorkers != null ? emptyWorkers : quick ? List.of(1, 2) : List.of(1, 2, 4, 8);
        requireAtLeastOne("--empty-workers", Collections.min(workers));
        if (workers.stream().distinct().count() != workers.size()) {
            throw usage("--empty-workers names something twice");
        }
        int turn = requireAtLeastOne("--turn", turnSeconds != null ? turnSeconds : TURN_SECONDS);
        if (turn > LONGEST_TURN_SECONDS) {
            throw usage("--turn is " + turn + ": it must be at most " + LONGEST_TURN_SECONDS
                    + ", or a cluster that stands still falls apart");
        }
        return new OverheadOrder(
                settings,
                plan,
                requireAtLeastOne("--rounds", rounds != null ? rounds : quick ? 2 : 3),
                Duration.ofSeconds(turn),
                quick ? QUICK_PROCESS_WARMUP : PROCESS_WARMUP,
                workers,
                requireAtLeastOne("--empty-steps", emptySteps != null ? emptySteps : quick ? 200 : 2000));
    }

    private static int requireAtLeastOne(String option, int value) {
        if (value < 1) {
            throw usage(option + " is " + value + ": it must be at least 1");
        }
        return value;
    }

    private static CommandException usage(String message) {
        return new CommandException(ExitStatus.USAGE, message);
    }

    /** Devices of the cluster that trains. */
    int mostDevices() {
        return Collections.max(plan.devices());
    }

    /** Images of a device and step. */
    int batchPerDevice() {
        return plan.batchPerDevice().get(0);
    }

    /** Worker counts of the empty step that a cluster of some devices can do. */
    List<Integer> emptyWorkersUpTo(int devices) {
        return emptyWorkers.stream().filter(workers -> workers <= devices).toList();
    }

    /** The run of Lockstep that a contender is. */
    Map<String, String> run(Contender contender) {
        Map<RunSetting, String> run = new EnumMap<>(settings);
        run.put(RunSetting.DEVICES, String.valueOf(contender.devices()));
        run.put(RunSetting.STRATEGY, contender.strategy().label());
        return RunSetting.byKey(run);
    }

    /** The run that new processes of a cluster begin with: all contenders' ways of training, with the small model. */
    Map<String, String> processWarmupRun() {
        Map<RunSetting, String> run = new EnumMap<>(settings);
        putSmallest(run, "tiny");
        run.put(RunSetting.WARMUP, String.valueOf(processWarmup));
        run.put(RunSetting.STEPS, "1");
        return RunSetting.byKey(run);
    }

    /** What new bare loops begin with: the same training, as many steps as the first worker takes for all contenders. */
    BareOrder bareProcessWarmup() {
        Plan warmup = RunRequests.readForAnyCluster(ConfigFactory.parseMap(processWarmupRun()))
                .plan();
        return bareOrder(warmup, Contender.of(warmup).size() * warmup.warmup());
    }

    private static void putSmallest(Map<RunSetting, String> run, String model) {
        run.put(RunSetting.MODEL, model);
        run.put(RunSetting.IMAGE_SIZE, "32");
        run.put(RunSetting.BATCH_PER_DEVICE, "1");
    }

    /** A run of empty steps. */
    Map<String, String> emptyRun(List<Integer> workers) {
        Map<RunSetting, String> run = new EnumMap<>(RunSetting.class);
        putSmallest(run, "empty");
        run.put(RunSetting.PRECISION, "fp32");
        run.put(RunSetting.STRATEGY, plan.strategies().get(0).label());
        run.put(RunSetting.DEVICES, workers.stream().map(String::valueOf).collect(Collectors.joining(",")));
        run.put(RunSetting.WARMUP, String.valueOf(EMPTY_WARMUP_FOR_EACH_TIMED * emptySteps));
        run.put(RunSetting.STEPS, String.valueOf(emptySteps));
        return RunSetting.byKey(run);
    }

    /** What a bare loop does: the same training, steps and warm-up. */
    BareOrder bareOrder() {
        return bareOrder(plan, plan.warmup());
    }

    private static BareOrder bareOrder(Plan plan, int warmup) {
        TrainingSpec training = TrainingSpec.of(plan, plan.precisions().get(0));
        return new BareOrder(training, plan.batchPerDevice().get(0), warmup, plan.steps());
    }
}

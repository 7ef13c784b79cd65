package dev.lockstep.coordinator.cli;

import dev.lockstep.coordinator.overhead.OverheadReport;
import dev.lockstep.coordinator.settings.RunSetting;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lockstep overhead}. */
@Command(
        name = "overhead",
        description = "Measures what Lockstep costs on this machine: a bare DJL training loop against Lockstep on one "
                + "device, several of them side by side against Lockstep on as many, an empty model's step through the "
                + "whole cluster, and the reduce of the gradients against a copy of the same bytes. Prints the ratios "
                + "and writes them as JSON. It works on CPU devices, in clusters of its own; close other programs. "
                + "Takes some 40 minutes with the defaults: --devices 1,2 --strategy data-parallel,all-reduce "
                + "--precision fp32 --steps 32 --warmup 24, the others as run's.",
        sortOptions = false)
final class Overhead implements Callable<Integer> {
    /** The settings of a run that are the user's choice here. */
    static final List<RunSetting> SETTINGS = List.of(
            RunSetting.DEVICES,
            RunSetting.STRATEGY,
            RunSetting.PRECISION,
            RunSetting.BATCH_PER_DEVICE,
            RunSetting.MODEL,
            RunSetting.IMAGE_SIZE,
            RunSetting.CLASSES,
            RunSetting.STEPS,
            RunSetting.WARMUP,
            RunSetting.OPTIMIZER,
            RunSetting.LEARNING_RATE,
            RunSetting.MOMENTUM,
            RunSetting.WEIGHT_DECAY,
            RunSetting.NESTEROV,
            RunSetting.MEMORY_FORMAT,
            RunSetting.SEED);

    /** Within the run folder: a folder of its own for its clusters. */
    private static final String FOLDER = "overhead";

    private final Shell shell;

    @Spec
    CommandSpec spec;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            description = "how often all of them train, each time in new processes, which train a small model first "
                    + "(default: 3)")
    Integer rounds;

    @Option(
            names = "--turn",
            paramLabel = "SECONDS",
            description = "how long Lockstep or the bare loops train while the other side stands still, at most 20 "
                    + "(default: 4)")
    Integer turnSeconds;

    @Option(
            names = "--empty-workers",
            paramLabel = "COUNTS",
            split = ",",
            description = "worker counts of the empty step (default: 1,2,4,8)")
    List<Integer> emptyWorkers;

    @Option(names = "--empty-steps", paramLabel = "N", description = "empty steps to time (default: 2000)")
    Integer emptySteps;

    @Option(names = "--quick", description = "a short check: 2 rounds of 3 steps of 4 images; its figures are rough")
    boolean quick;

    @Option(
            names = "--output",
            paramLabel = "FILE",
            description = "where the figures go as JSON (default: " + FOLDER + "/overhead.json in the run folder)")
    Path output;

    @Option(names = "--check", description = "exit status 1 unless every target is met")
    boolean check;

    Overhead(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        OverheadOrder order = OverheadOrder.of(
                RunOptions.chosen(spec.commandLine().getParseResult(), SETTINGS),
                quick,
                rounds,
                turnSeconds,
                emptyWorkers,
                emptySteps);
        RunDir own = new RunDir(shell.runDir().path().resolve(FOLDER));
        Path file = output == null ? own.path().resolve("overhead.json") : shell.absolute(output);
        refuseWhileMeasuring(shell.runDir());
        refuseTwo(own);
        // Before there is anything to end, so that no Ctrl-C leaves it running unseen.
        shell.interrupt().watch();
        OverheadMeasurer measurer = new OverheadMeasurer(shell.in(own), order);
        OverheadReport report = measurer.measure();
        OverheadPrinter.print(shell.out(), report);
        report.write(file);
        shell.out().println("figures: " + file);
        if (measurer.status() != ExitStatus.DONE) {
            return measurer.status().code();
        }
        return (check && !report.meetsAllTargets() ? ExitStatus.FAILED : ExitStatus.DONE).code();
    }

    /** What the user's own cluster measures would be disturbed, and what is measured here too. */
    private static void refuseWhileMeasuring(RunDir runDir) {
        CoordinatorClient.find(runDir).ifPresent(cluster -> {
            if (cluster.currentRun() != null) {
                throw new CommandException(
                        ExitStatus.ENVIRONMENT,
                        "run " + cluster.currentRun() + " is under way in " + runDir.path()
                                + " and would be disturbed: wait for it, or end it with lockstep cancel "
                                + cluster.currentRun());
            }
        });
    }

    private static void refuseTwo(RunDir own) {
        if (CoordinatorClient.find(own).isPresent()) {
            throw new CommandException(
                    ExitStatus.ENVIRONMENT,
                    "another lockstep overhead is at work, or one was killed: wait for it, or end its cluster with"
                            + " LOCKSTEP_RUN_DIR=" + own.path() + " deploy/bin/stop-cluster");
        }
    }
}

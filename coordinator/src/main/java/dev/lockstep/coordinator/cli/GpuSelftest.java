package dev.lockstep.coordinator.cli;

import com.typesafe.config.ConfigUtil;
import dev.lockstep.coordinator.gpu.Gpu;
import dev.lockstep.coordinator.gpu.NativeNvml;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code lockstep gpu-selftest}. */
@Command(
        name = "gpu-selftest",
        description =
                "Checks, in clusters of its own, that Lockstep works on this machine's GPUs: symbols, TF32, autocast, "
                        + "GradScaler, memory, steps of EfficientNet-B3 at batch 32 and 128, NCCL, staged copies, traces of one "
                        + "replica against two. With one GPU two replicas share it. Prints a table and takes less than five "
                        + "minutes. Exit status 1 if a check failed, 3 where there is no GPU. deploy/bin/gpu-selftest also "
                        + "fetches the CUDA build of libtorch if it is missing.",
        sortOptions = false)
final class GpuSelftest implements Callable<Integer> {
    /** Within the run folder: a folder of its own for its clusters. */
    private static final String FOLDER = "gpu-selftest";

    private final Shell shell;

    @Option(names = "--quick", description = "fewer steps: the figures are rough")
    boolean quick;

    GpuSelftest(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        SelftestGpus gpus = SelftestGpus.find(NativeNvml.driver(), System.getenv("CUDA_VISIBLE_DEVICES"));
        shell.out()
                .println(gpus.all().stream()
                        .map(GpuSelftest::describe)
                        .collect(Collectors.joining(", ", "testing on ", "")));
        Shell own = shell.in(new RunDir(shell.runDir().path().resolve(FOLDER)));
        own.runDir().prepare();
        // Those of the last time: they would only add up.
        Folders.delete(own.runDir().reports());
        // Before there is anything to end, so that no Ctrl-C leaves it running unseen.
        own.interrupt().watch();
        SelftestRunner runner = new SelftestRunner(own, gpus, quick);
        in(own, runner, gpus.severalReplicas(), "auto", runner::checkReplicas);
        String few = gpus.isShared() ? "cuda:" + gpus.all().get(0).index() : gpus.severalReplicas();
        in(own, runner, few, gpus.otherCollective(), runner::checkOtherCollective);
        return runner.conclude().code();
    }

    private static String describe(Gpu gpu) {
        return "GPU %d, %s, compute capability %s, %d MiB"
                .formatted(gpu.index(), gpu.name(), gpu.computeCapability(), gpu.memoryMiB());
    }

    private static void in(
            Shell own, SelftestRunner runner, String devices, String collective, Consumer<CoordinatorClient> checking) {
        runner.attempt("a cluster on " + devices + ", gpu-collective = " + collective, () -> {
            try (OwnCluster cluster = OwnCluster.start(own, ClusterOptions.of(devices, settings(own, collective)))) {
                runner.addStarted(devices, cluster.client().devices());
                checking.accept(cluster.client());
            }
        });
    }

    /** The user's settings, but for the collective. */
    private static Path settings(Shell own, String collective) {
        Path file = own.runDir().path().resolve("gpu-collective-" + collective + ".conf");
        String users = ConfigUtil.quoteString(ClusterOptions.usersSettings(own).toString());
        try {
            return Files.writeString(
                    file, "include file(" + users + ")\nlockstep.gpu-collective = " + collective + "\n");
        } catch (IOException e) {
            throw new CommandException(ExitStatus.ENVIRONMENT, "cannot write " + file + " (" + Messages.of(e) + ")", e);
        }
    }
}

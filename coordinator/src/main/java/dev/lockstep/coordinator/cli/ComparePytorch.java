package dev.lockstep.coordinator.cli;

import com.typesafe.config.ConfigFactory;
import dev.lockstep.common.plan.DataSpec;
import dev.lockstep.common.plan.Labelled;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.OnOutOfMemory;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.coordinator.api.ClusterView;
import dev.lockstep.coordinator.api.DeviceView;
import dev.lockstep.coordinator.peers.PeerProgram;
import dev.lockstep.coordinator.peers.Python;
import dev.lockstep.coordinator.peers.PythonSearch;
import dev.lockstep.coordinator.settings.RunRequest;
import dev.lockstep.coordinator.settings.RunRequests;
import dev.lockstep.coordinator.settings.RunSetting;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lockstep compare-pytorch}. */
@Command(
        name = "compare-pytorch",
        description =
                "Measures a plan with Lockstep and with PyTorch in turns, never both at once, and writes one report "
                        + "of both: on one device against the bare module, on several against DistributedDataParallel and, on "
                        + "GPUs, DataParallel. Model, batch, precision, optimizer, steps and processors are the same. Takes the "
                        + "options of run, and starts a cluster where none is running; --rounds is 3 unless given, and PyTorch "
                        + "is first in every other one. Needs a Python with torch (1.13 or newer) and torchvision.",
        sortOptions = false)
final class ComparePytorch implements Callable<Integer> {
    private static final String TORCHVISIONS = "efficientnet_b";
    private static final String DEFAULT_ROUNDS = "3";

    private final Shell shell;

    @Spec
    CommandSpec spec;

    @Option(
            names = "--python",
            paramLabel = "PATH",
            description = "the Python to use (default: python3 on the PATH, then /usr/bin/python3)")
    String python;

    @Option(
            names = "--peer-memory-format",
            paramLabel = "NAMES",
            split = ",",
            description =
                    "memory formats to run PyTorch in, each for itself: channels-last, contiguous (default: that of "
                            + "--memory-format)")
    List<String> peerMemoryFormats = List.of();

    @Mixin
    final CudaOptions cuda = new CudaOptions();

    ComparePytorch(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        Map<String, String> settings =
                new RunOptions(shell.directory()).given(spec.commandLine().getParseResult());
        settings.putIfAbsent(RunSetting.ROUNDS.key(), DEFAULT_ROUNDS);
        // Before a cluster is started; how many devices it has is known only afterwards.
        requireComparable(settings);
        List<MemoryFormat> memoryFormats =
                Labelled.requireAll(MemoryFormat.class, "peer-memory-format", peerMemoryFormats);
        PeerProgram program =
                new PeerProgram(shell.home(), () -> shell.interrupt().isRequested());
        Python found = PythonSearch.find(python, program::probe);
        shell.out().println(found.description());
        boolean running = CoordinatorClient.find(shell.runDir()).isPresent();
        if (running && (cuda.cuda || cuda.noCuda)) {
            throw usage(
                    "--cuda and --no-cuda are for a cluster that is started here, and one is running in %s: stop it, or leave them out"
                            .formatted(shell.runDir().path()));
        }
        try (OwnCluster own = running ? null : OwnCluster.start(shell, new ClusterOptions(cuda))) {
            CoordinatorClient client = own == null ? CoordinatorClient.of(shell.runDir()) : own.client();
            requireIdle(client.status());
            List<DeviceView> devices = client.devices();
            boolean onCpu = devices.stream().allMatch(device -> device.id().startsWith("cpu:"));
            // The peer warms up for a fixed number of steps.
            int warmup = read(settings, devices.size(), onCpu).plan().warmup();
            settings.put(RunSetting.WARMUP_LIMIT.key(), String.valueOf(warmup));
            RunRequest request = read(settings, devices.size(), onCpu);
            return new PytorchComparison(shell, client, program, found, memoryFormats)
                    .run(settings, request, devices)
                    .code();
        }
    }

    private static RunRequest read(Map<String, String> settings, int devices, boolean onCpu) {
        return RunRequests.read(ConfigFactory.parseMap(settings), devices, onCpu);
    }

    /** Two measurements at once would be the figures of neither. */
    static void requireIdle(ClusterView cluster) {
        if (cluster.currentRun() != null || !cluster.queuedRuns().isEmpty()) {
            throw new CommandException(
                    ExitStatus.ENVIRONMENT,
                    "the cluster has other runs (%s): wait for them, or set LOCKSTEP_RUN_DIR to another folder"
                            .formatted(
                                    cluster.currentRun() == null
                                            ? String.join(", ", cluster.queuedRuns())
                                            : cluster.currentRun()));
        }
    }

    private static void requireComparable(Map<String, String> settings) {
        if (settings.containsKey(RunSetting.SAVE_WEIGHTS.key()) || settings.containsKey(RunSetting.TRACE.key())) {
            throw usage("--save-weights is for one run, and a comparison is many: leave it out");
        }
        if (settings.containsKey(RunSetting.WARMUP_LIMIT.key())) {
            throw usage("both sides warm up for --warmup steps, no more and no fewer: leave --warmup-limit out");
        }
        RunRequest request = RunRequests.readForAnyCluster(ConfigFactory.parseMap(settings));
        Plan plan = request.plan();
        if (!plan.model().name().startsWith(TORCHVISIONS)) {
            throw usage("torchvision has no model '%s': take one of efficientnet_b0 to efficientnet_b7"
                    .formatted(plan.model().name()));
        }
        List<Integer> batches = plan.globalBatch() == null ? plan.batchPerDevice() : plan.globalBatch();
        if (plan.largestBatch() || batches.size() > 1 || plan.onOutOfMemory() != OnOutOfMemory.FAIL) {
            throw usage(
                    "both sides must have the same batch: name one size, not several or max, and leave out --on-out-of-memory halve");
        }
        if (plan.data() instanceof DataSpec.ImageFolder) {
            throw usage(
                    "an image folder would compare decoders, not training steps: take --data synthetic or tensors:FILE");
        }
        if (plan.data() instanceof DataSpec.Tensors tensors) {
            requireReadable(RunSetting.DATA, tensors.file());
        }
        if (request.files().load() != null) {
            requireReadable(RunSetting.WEIGHTS, Path.of(request.files().load()));
        }
    }

    private static void requireReadable(RunSetting setting, Path file) {
        if (!Files.isRegularFile(file) || !Files.isReadable(file)) {
            String why = Files.exists(file) ? "not a readable file" : "no such file";
            throw usage("%s: cannot read %s: %s".formatted(setting.option(), file, why));
        }
    }

    private static CommandException usage(String message) {
        return new CommandException(ExitStatus.USAGE, message);
    }
}

package dev.lockstep.coordinator.cli;

import com.typesafe.config.ConfigFactory;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.coordinator.api.DeviceView;
import dev.lockstep.coordinator.settings.RunRequests;
import dev.lockstep.coordinator.settings.RunSetting;
import dev.lockstep.coordinator.verify.Verdict;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code lockstep quickstart}. */
@Command(
        name = "quickstart",
        description =
                "Starts a cluster on what this machine has, verifies that its replicas compute the right thing, runs "
                        + "the default plan, prints the report, and stops the cluster. Where the verification fails nothing is "
                        + "measured. Takes the options of run. deploy/bin/quickstart also builds Lockstep first where that is "
                        + "needed.",
        sortOptions = false)
final class Quickstart implements Callable<Integer> {
    private final Shell shell;

    @Spec
    CommandSpec spec;

    @Mixin
    final CudaOptions cuda = new CudaOptions();

    Quickstart(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        Map<String, String> settings =
                new RunOptions(shell.directory()).given(spec.commandLine().getParseResult());
        try (OwnCluster cluster = OwnCluster.start(shell, new ClusterOptions(cuda))) {
            return verifyAndRun(cluster.client(), settings).code();
        }
    }

    private ExitStatus verifyAndRun(CoordinatorClient client, Map<String, String> settings) {
        List<DeviceView> devices = client.devices();
        boolean onCpu = devices.stream().allMatch(device -> device.id().startsWith("cpu:"));
        // What is wrong with the options is said before anything is verified.
        Plan plan = RunRequests.read(ConfigFactory.parseMap(settings), devices.size(), onCpu)
                .plan();
        int most = Collections.max(plan.devices());
        Verdict verdict =
                Verify.verify(shell, client, plan.model().name(), devices.subList(0, most), plan.precisions());
        if (!verdict.holds()) {
            return ExitStatus.FAILED;
        }
        Map<String, String> noted = new TreeMap<>(settings);
        noted.merge(
                RunSetting.NOTE.key(),
                "Verified on %s before the run, with small batches: %s."
                        .formatted(Messages.count(most, "device"), verdict.comparisons()),
                (users, verified) -> users + " " + verified);
        shell.out().println();
        return Run.submitAndFollow(shell, client, noted);
    }
}

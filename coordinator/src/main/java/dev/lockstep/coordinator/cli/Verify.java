package dev.lockstep.coordinator.cli;

import dev.lockstep.common.plan.Labelled;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.coordinator.api.DeviceView;
import dev.lockstep.coordinator.verify.Finding;
import dev.lockstep.coordinator.verify.Inputs;
import dev.lockstep.coordinator.verify.TraceCase;
import dev.lockstep.coordinator.verify.Verdict;
import dev.lockstep.coordinator.verify.Verdict.Judgement;
import dev.lockstep.coordinator.verify.Verification;
import dev.lockstep.coordinator.verify.Verification.Comparison;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code lockstep verify}. */
@Command(
        name = "verify",
        description = {
            "Proves on this cluster that the replicas compute the right thing: traces one device against many, strategy",
            "against strategy, precision against precision, and one run against itself, all from fixed weights on a small",
            "batch. Prints how far they are apart; exit status 1 beyond a bound. Takes about a minute."
        },
        sortOptions = false)
final class Verify implements Callable<Integer> {
    static final String MODEL = "efficientnet_b3";

    private final Shell shell;

    @Option(names = "--devices", paramLabel = "N", description = "devices to use (default: all that the cluster has)")
    Integer devices;

    @Option(
            names = "--model",
            paramLabel = "NAME",
            defaultValue = MODEL,
            description = "efficientnet_b0 to efficientnet_b7 (default: ${DEFAULT-VALUE}); tiny is for tests")
    String model;

    @Option(
            names = "--precision",
            paramLabel = "NAMES",
            split = ",",
            defaultValue = "amp",
            description = "precisions to compare with fp32, or on GPUs with fp32-strict (default: ${DEFAULT-VALUE})")
    List<String> precisions;

    Verify(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        List<Precision> parsed = Labelled.requireAll(Precision.class, "precision", precisions);
        CoordinatorClient client = CoordinatorClient.of(shell.runDir());
        List<DeviceView> all = client.devices();
        int count = all.size();
        if (devices != null && (devices < 1 || devices > count)) {
            throw new CommandException(
                    devices < 1 ? ExitStatus.USAGE : ExitStatus.ENVIRONMENT,
                    "--devices is " + devices + ", but the cluster has " + count);
        }
        Verdict verdict = verify(shell, client, model, devices == null ? all : all.subList(0, devices), parsed);
        return (verdict.holds() ? ExitStatus.DONE : ExitStatus.FAILED).code();
    }

    /**
     * Verifies, prints what was found and the verdict.
     *
     * @param devices the cluster's first, as many as to use
     */
    static Verdict verify(
            Shell shell, CoordinatorClient client, String model, List<DeviceView> devices, List<Precision> precisions) {
        // Before there is a run, so that no Ctrl-C leaves one running unseen.
        shell.interrupt().watch();
        shell.out()
                .printf(
                        "verifying %s on %s, %d steps of up to %d images a device at %d x %d pixels%n",
                        model,
                        Messages.count(devices.size(), "device"),
                        TraceCase.STEPS,
                        Inputs.ONE_CHUNK.images(1),
                        Inputs.IMAGE_SIZE,
                        Inputs.IMAGE_SIZE);
        Verdict verdict = new Verifier(shell, client).verify(model, comparisons(devices, precisions));
        print(shell, verdict);
        if (verdict.holds()) {
            shell.out().println("verified: " + verdict.comparisons());
        } else {
            shell.err().println(Messages.error("not verified: " + String.join("; ", verdict.beyond())));
        }
        return verdict;
    }

    private static List<Comparison> comparisons(List<DeviceView> devices, List<Precision> precisions) {
        return devices.stream().anyMatch(DeviceView::isGpu)
                ? Verification.onGpus(
                        devices.size(), precisions, devices.stream().allMatch(DeviceView::hasTf32))
                : Verification.comparisons(devices.size(), precisions);
    }

    private static void print(Shell shell, Verdict verdict) {
        Table table = new Table("COMPARISON", "GROUP", "MEASURED", "BOUND", "VERDICT");
        for (Judgement judgement : verdict.judgements()) {
            for (Finding finding : judgement.findings()) {
                table.add(
                        judgement.comparison().name(),
                        finding.group(),
                        finding.measured(),
                        finding.bound(),
                        finding.holds() ? "holds" : "beyond: " + finding.tensor());
            }
        }
        shell.out().println();
        table.lines().forEach(shell.out()::println);
        shell.out().println();
    }
}

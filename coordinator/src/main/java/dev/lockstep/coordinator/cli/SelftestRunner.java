package dev.lockstep.coordinator.cli;

import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.SystemInfo;
import dev.lockstep.coordinator.api.DeviceView;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.report.ReportReader;
import dev.lockstep.coordinator.selftest.Check;
import dev.lockstep.coordinator.selftest.ResultChecks;
import dev.lockstep.coordinator.settings.RunSetting;
import dev.lockstep.coordinator.verify.Finding;
import dev.lockstep.coordinator.verify.Verdict.Judgement;
import dev.lockstep.coordinator.verify.Verification;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/** Makes the checks of a self-test on running clusters. One that fails does not keep the others from being made. */
final class SelftestRunner {
    private static final String TINY = "tiny";

    private final Shell shell;
    private final SelftestGpus gpus;
    private final boolean quick;
    private final List<Check> checks = new ArrayList<>();
    private final long startNanos;
    private SystemInfo system;

    SelftestRunner(Shell shell, SelftestGpus gpus, boolean quick) {
        this.shell = shell;
        this.gpus = gpus;
        this.quick = quick;
        this.startNanos = shell.timer().nanos();
    }

    /** All checks so far, in order. */
    List<Check> checks() {
        return List.copyOf(checks);
    }

    /**
     * Makes checks; that they cannot be made is a check that failed.
     *
     * @param what they are about
     * @throws CommandException at Ctrl-C
     */
    void attempt(String what, Runnable making) {
        shell.out()
                .println("[" + Messages.duration(Duration.ofNanos(shell.timer().nanos() - startNanos)) + "] " + what);
        shell.out().flush();
        try {
            making.run();
        } catch (CommandException e) {
            if (e.status() == ExitStatus.CANCELLED) {
                throw e;
            }
            add(Check.of(what, e.getMessage(), "it can be checked", false));
        } catch (LockstepException e) {
            add(Check.of(what, e.getMessage(), "it can be checked", false));
        }
    }

    /** Notes that a cluster is there: a worker is ready only once it has looked up every symbol that it calls. */
    void addStarted(String specification, List<DeviceView> devices) {
        String ready = devices.stream().map(DeviceView::id).collect(Collectors.joining(", "));
        add(Check.of("symbols, workers on " + specification, ready + " ready", "all found", !devices.isEmpty()));
    }

    /** The checks on a cluster with two replicas or more. */
    void checkReplicas(CoordinatorClient client) {
        attempt("TF32 off, bfloat16", () -> checkArithmetic(client));
        attempt("steps of fp32 and amp, batch 32 and 128", () -> checkSteps(client));
        attempt("two replicas", () -> checkCollective(client, 2, gpus.collective()));
        attempt("traces", () -> checkTraces(client));
    }

    /** The check on a cluster whose settings name the other collective. */
    void checkOtherCollective(CoordinatorClient client) {
        attempt(
                gpus.otherCollective(),
                () -> checkCollective(client, gpus.replicasOfOtherCollective(), gpus.otherCollective()));
    }

    private void checkArithmetic(CoordinatorClient client) {
        Report report = run(
                client,
                Map.of(
                        RunSetting.MODEL, TINY,
                        RunSetting.IMAGE_SIZE, "64",
                        RunSetting.BATCH_PER_DEVICE, "8",
                        RunSetting.PRECISION, "fp32-strict,amp-bf16",
                        RunSetting.DEVICES, "1",
                        RunSetting.WARMUP, "1",
                        RunSetting.STEPS, "3"));
        add(engine());
        report.results().forEach(result -> ResultChecks.ofArithmetic(result, gpus.haveTf32())
                .forEach(this::add));
    }

    private Check engine() {
        boolean known = system.cudaVersion() != null && system.cudnnVersion() != null;
        return Check.of(
                "engine",
                "libtorch %s, CUDA %s, cuDNN %s"
                        .formatted(system.pytorchVersion(), system.cudaVersion(), system.cudnnVersion()),
                "a CUDA build",
                known);
    }

    private void checkSteps(CoordinatorClient client) {
        Report report = run(
                client,
                Map.of(
                        RunSetting.MODEL,
                        Verify.MODEL,
                        RunSetting.PRECISION,
                        "fp32,amp",
                        RunSetting.BATCH_PER_DEVICE,
                        ResultChecks.KNOWN_BATCH + "," + ResultChecks.LARGE_BATCH,
                        RunSetting.DEVICES,
                        "1",
                        RunSetting.WARMUP,
                        quick ? "3" : "5",
                        RunSetting.STEPS,
                        quick ? "5" : "20"));
        report.results()
                .forEach(result -> ResultChecks.ofSteps(result, gpus.haveTf32()).forEach(this::add));
        ResultChecks.ampGoal(report.results()).ifPresent(this::add);
    }

    /** Lockstep itself compares the parameters of all replicas at the end of a measurement. */
    private void checkCollective(CoordinatorClient client, int replicas, String collective) {
        Report report = run(
                client,
                Map.of(
                        RunSetting.MODEL, Verify.MODEL,
                        RunSetting.STRATEGY, "data-parallel,all-reduce",
                        RunSetting.PRECISION, "fp32,amp",
                        RunSetting.BATCH_PER_DEVICE, "8",
                        RunSetting.DEVICES, String.valueOf(replicas),
                        RunSetting.WARMUP, "1",
                        RunSetting.STEPS, quick ? "2" : "5"));
        report.results()
                .forEach(result -> ResultChecks.ofCollective(result, collective).forEach(this::add));
    }

    private void checkTraces(CoordinatorClient client) {
        new Verifier(shell, client)
                .verify(Verify.MODEL, Verification.onGpus(2, List.of(Precision.AMP, Precision.FP32), gpus.haveTf32()))
                .judgements()
                .forEach(this::addTrace);
    }

    private void addTrace(Judgement judgement) {
        for (Finding finding : judgement.findings()) {
            String found = finding.holds() ? finding.measured() : finding.measured() + " in " + finding.tensor();
            add(Check.of(
                    judgement.comparison().name() + ": " + finding.group(), found, finding.bound(), finding.holds()));
        }
    }

    /** Follows a run to its report, in which some of the measurements may have failed. */
    private Report run(CoordinatorClient client, Map<RunSetting, String> settings) {
        shell.interrupt().watch();
        RunFollower follower = new RunFollower(shell, client);
        RunView run = follower.watchSilently(client.submit(RunSetting.byKey(settings)), RunFollower.OnInterrupt.CANCEL);
        ExitStatus status = ExitStatus.ofRun(run.status());
        Path folder = Path.of(run.reportDir());
        if (status == ExitStatus.CANCELLED || !ReportPrinter.isIn(folder)) {
            throw new CommandException(status == ExitStatus.DONE ? ExitStatus.FAILED : status, RunFollower.reason(run));
        }
        Report report = ReportReader.read(folder);
        system = Objects.requireNonNullElse(report.system(), system);
        if (report.results().isEmpty()) {
            throw new CommandException(ExitStatus.FAILED, RunFollower.reason(run));
        }
        return report;
    }

    private void add(Check check) {
        checks.add(check);
        if (check.isFailed()) {
            shell.err()
                    .println(Messages.error(check.what() + ": " + check.found() + ", expected: " + check.expected()));
        }
    }

    /** Prints the table and what it comes to. */
    ExitStatus conclude() {
        Table table = new Table("CHECK", "FOUND", "EXPECTED", "VERDICT");
        checks.forEach(check -> table.add(
                check.what(),
                Messages.oneLine(check.found()),
                check.expected(),
                check.outcome().label()));
        long failed = checks.stream().filter(Check::isFailed).count();
        shell.out().println();
        table.lines().forEach(shell.out()::println);
        shell.out().println();
        shell.out()
                .println("%s, %d failed, in %s; reports: %s"
                        .formatted(
                                Messages.count(checks.size(), "check"),
                                failed,
                                Messages.duration(Duration.ofNanos(shell.timer().nanos() - startNanos)),
                                shell.runDir().reports()));
        return failed == 0 && !checks.isEmpty() ? ExitStatus.DONE : ExitStatus.FAILED;
    }
}

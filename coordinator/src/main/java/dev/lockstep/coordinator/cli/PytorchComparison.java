package dev.lockstep.coordinator.cli;

import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.common.report.RunInfo;
import dev.lockstep.common.report.RunStatus;
import dev.lockstep.coordinator.api.DeviceView;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.host.Processors;
import dev.lockstep.coordinator.peers.Agreement;
import dev.lockstep.coordinator.peers.Comparison;
import dev.lockstep.coordinator.peers.Contest;
import dev.lockstep.coordinator.peers.PeerDevice;
import dev.lockstep.coordinator.peers.PeerOutcome;
import dev.lockstep.coordinator.peers.PeerOutcome.Measured;
import dev.lockstep.coordinator.peers.PeerOutcome.NotMeasured;
import dev.lockstep.coordinator.peers.PeerProgram;
import dev.lockstep.coordinator.peers.PeerSpec;
import dev.lockstep.coordinator.peers.PeerTask;
import dev.lockstep.coordinator.peers.Python;
import dev.lockstep.coordinator.report.Observations;
import dev.lockstep.coordinator.report.ReportReader;
import dev.lockstep.coordinator.report.ReportWriter;
import dev.lockstep.coordinator.settings.RunRequest;
import dev.lockstep.coordinator.settings.RunSetting;
import dev.lockstep.coordinator.verify.Inputs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** A comparison on a running cluster: checks that both compute the same, measures in turns, writes the report. */
final class PytorchComparison {
    private static final DateTimeFormatter ID = DateTimeFormatter.ofPattern("'compare-'yyyyMMdd-HHmmss", Locale.ROOT)
            .withZone(ZoneId.systemDefault());
    /** Settings that a comparison decides for each of its runs. */
    private static final List<RunSetting> DECIDED = List.of(
            RunSetting.DEVICES, RunSetting.STRATEGY, RunSetting.PRECISION, RunSetting.ROUNDS, RunSetting.OUTPUT);

    private final Shell shell;
    private final CoordinatorClient client;
    private final PeerProgram program;
    private final Python python;
    private final List<MemoryFormat> memoryFormats;
    private final Instant startedAt = Instant.now();
    private final String id = ID.format(startedAt);
    private Path folder;

    /** @param memoryFormats that PyTorch is to run in; none for the plan's own */
    PytorchComparison(
            Shell shell,
            CoordinatorClient client,
            PeerProgram program,
            Python python,
            List<MemoryFormat> memoryFormats) {
        this.shell = shell;
        this.client = client;
        this.program = program;
        this.python = python;
        this.memoryFormats = memoryFormats;
    }

    /**
     * Does it all.
     *
     * @param settings as the user gave them
     * @param request what they come to
     * @param devices of the cluster
     * @throws CommandException if both do not compute the same, and at Ctrl-C; what was measured until then is in the report
     */
    ExitStatus run(Map<String, String> settings, RunRequest request, List<DeviceView> devices) {
        shell.interrupt().watch();
        folder = request.output() == null ? shell.runDir().reportDir(id) : request.output();
        request.configuration().forEach(line -> shell.out().println("  " + line));
        Plan plan = request.plan();
        int rounds = plan.rounds();
        List<PeerDevice> places = devices.stream()
                .map(device ->
                        new PeerDevice(device.id(), device.cpus() == null ? null : Processors.parse(device.cpus())))
                .toList();
        boolean gpus = devices.stream().allMatch(device -> device.id().startsWith("cuda:"));
        List<String> notes = new ArrayList<>(request.notes());
        try {
            notes.add(requireAgreement(plan, places.get(0)));
            notes.add(
                    "Lockstep and %s were measured in turns, in %s, and never at the same time; the ratios are of the same round."
                            .formatted(python.description(), Messages.count(rounds, "round")));
            Comparison comparison = new Comparison(
                    Contest.of(plan, gpus, memoryFormats.isEmpty() ? List.of(plan.memoryFormat()) : memoryFormats),
                    rounds,
                    (spec, round) -> measure(spec, settings, round, rounds),
                    (task, round) -> measure(
                            task,
                            PeerSpec.of(task, plan, places, request.files().load()),
                            round,
                            rounds));
            return run(comparison, plan, notes);
        } catch (LockstepException e) {
            throw new CommandException(ExitStatus.of(e.failure().category()), e.getMessage(), e);
        }
    }

    private ExitStatus run(Comparison comparison, Plan plan, List<String> notes) {
        ReportWriter writer = new ReportWriter(folder);
        try {
            comparison.run(() -> writer.write(report(comparison, plan, notes, comparison.status(), null)));
        } catch (CommandException | LockstepException e) {
            if (comparison.latest() != null) {
                RunStatus status = statusOf(e) == ExitStatus.CANCELLED ? RunStatus.CANCELLED : comparison.status();
                finish(writer, report(comparison, plan, notes, status, Instant.now()));
            }
            throw e;
        }
        RunStatus status = comparison.status();
        finish(writer, report(comparison, plan, notes, status, Instant.now()));
        return ExitStatus.ofRun(status.label());
    }

    private static ExitStatus statusOf(RuntimeException e) {
        return e instanceof CommandException command
                ? command.status()
                : ExitStatus.of(((LockstepException) e).failure().category());
    }

    private void finish(ReportWriter writer, Report report) {
        writer.writeFinal(report).ifPresent(why -> shell.err().println(Messages.error(why)));
        new ReportPrinter(shell.out()).print(folder);
    }

    private Report report(Comparison comparison, Plan plan, List<String> notes, RunStatus status, Instant finishedAt) {
        Report latest = comparison.latest();
        List<Result> results = comparison.results();
        return new Report(
                Report.SCHEMA,
                new RunInfo(id, status, startedAt, finishedAt, plan, notes),
                latest.system(),
                comparison.model(),
                results,
                Observations.of(results, plan.cudaGraphs()),
                List.of(),
                comparison.peers(python));
    }

    private Report measure(MeasurementSpec spec, Map<String, String> settings, int round, int rounds) {
        ComparePytorch.requireIdle(client.status());
        Path reportDir = folder.resolve("lockstep").resolve("%d-%s".formatted(round, spec.id()));
        Map<String, String> one = new TreeMap<>(settings);
        DECIDED.forEach(setting -> one.remove(setting.key()));
        one.put(RunSetting.DEVICES.key(), String.valueOf(spec.deviceCount()));
        one.put(RunSetting.STRATEGY.key(), spec.strategy().label());
        one.put(RunSetting.PRECISION.key(), spec.precision().label());
        one.put(RunSetting.OUTPUT.key(), reportDir.toString());
        announce("Lockstep " + spec.id(), round, rounds);
        follow(client.submit(one));
        Report report = ReportReader.read(reportDir);
        Result result = report.results().get(0);
        say(
                result.status() == ResultStatus.OK
                        ? String.format(Locale.ROOT, "%.2f images/s", result.imagesPerSecond())
                        : result.status().label() + ": " + result.error().message());
        return report;
    }

    /** Waits for a run's end, however it ends; a cancelled one ends the comparison. */
    private RunView follow(RunView submitted) {
        RunView run = new RunFollower(shell, client).watchSilently(submitted, RunFollower.OnInterrupt.CANCEL);
        if (ExitStatus.ofRun(run.status()) == ExitStatus.CANCELLED) {
            throw new CommandException(ExitStatus.CANCELLED, "cancelled during run " + run.id());
        }
        if (run.message() != null) {
            throw new CommandException(ExitStatus.FAILED, RunFollower.reason(run));
        }
        return run;
    }

    private PeerOutcome measure(PeerTask task, PeerSpec spec, int round, int rounds) {
        ComparePytorch.requireIdle(client.status());
        announce(task.id(), round, rounds);
        PeerOutcome outcome =
                program.measure(python, spec, folder.resolve("pytorch"), "%d-%s".formatted(round, task.id()));
        if (outcome instanceof Measured measured) {
            say(String.format(
                    Locale.ROOT,
                    "%.2f images/s",
                    task.imagesPerSecond(measured.measurement().samplesMillis())));
        } else if (outcome instanceof NotMeasured without) {
            say(without.status().label() + ": " + without.failure().message());
        }
        return outcome;
    }

    private void announce(String what, int round, int rounds) {
        shell.out().printf("round %d of %d: %s%n", round, rounds, what);
        shell.out().flush();
    }

    private void say(String outcome) {
        shell.out().println("  " + outcome);
    }

    /** One step of both from the same weights on the same images; what was found, for the report. */
    private String requireAgreement(Plan plan, PeerDevice device) {
        Path checks = folder.resolve("check");
        Path batch = checks.resolve("batch.safetensors");
        Path trace = checks.resolve("trace.safetensors");
        try {
            Files.createDirectories(checks);
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.ENVIRONMENT, "cannot make the folder " + checks + " (" + Messages.of(e) + ")", e);
        }
        Inputs.ONE_CHUNK.write(batch, 1);
        Map<RunSetting, String> chosen = new EnumMap<>(RunSetting.class);
        chosen.put(RunSetting.MODEL, plan.model().name());
        chosen.put(RunSetting.CLASSES, String.valueOf(Inputs.CLASSES));
        chosen.put(RunSetting.PRECISION, "fp32-strict");
        chosen.put(RunSetting.OPTIMIZER, Agreement.STANDSTILL.kind().label());
        chosen.put(RunSetting.LEARNING_RATE, "0");
        chosen.put(RunSetting.MOMENTUM, "0");
        chosen.put(RunSetting.WEIGHT_DECAY, "0");
        chosen.put(RunSetting.MEMORY_FORMAT, plan.memoryFormat().label());
        chosen.put(RunSetting.SEED, String.valueOf(plan.seed()));
        chosen.put(RunSetting.OUTPUT, checks.resolve("lockstep").toString());
        shell.out().println("checking that both compute the same");
        RunView run =
                follow(client.submit(TraceOrder.of(batch, trace, 1, 1, chosen).byKey()));
        if (ExitStatus.ofRun(run.status()) != ExitStatus.DONE) {
            throw new CommandException(ExitStatus.FAILED, RunFollower.reason(run));
        }
        PeerSpec spec = Agreement.peerSpec(
                plan, device, Inputs.CLASSES, Inputs.IMAGE_SIZE, Inputs.ONE_CHUNK.images(1), trace, batch);
        PeerOutcome outcome = program.measure(python, spec, checks, "pytorch");
        if (outcome instanceof NotMeasured without) {
            throw new LockstepException(
                    without.failure().category(),
                    "PyTorch cannot be compared: " + without.failure().message());
        }
        Agreement agreement = Agreement.of(trace, ((Measured) outcome).measurement());
        if (!agreement.holds()) {
            throw new CommandException(
                    ExitStatus.FAILED, "not comparable, they compute different things: " + agreement.sentence());
        }
        say(agreement.sentence());
        deleteTrace(trace);
        return agreement.sentence();
    }

    /** What it showed is in the report; its tensors are some hundred megabytes. */
    private static void deleteTrace(Path trace) {
        try {
            Files.delete(trace);
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.ENVIRONMENT, "cannot delete " + trace + " (" + Messages.of(e) + ")", e);
        }
    }
}

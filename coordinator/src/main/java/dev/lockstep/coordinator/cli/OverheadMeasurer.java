package dev.lockstep.coordinator.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.typesafe.config.ConfigUtil;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.SystemInfo;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.overhead.BareLoops;
import dev.lockstep.coordinator.overhead.Comparison;
import dev.lockstep.coordinator.overhead.Contender;
import dev.lockstep.coordinator.overhead.EmptyStep;
import dev.lockstep.coordinator.overhead.OverheadReport;
import dev.lockstep.coordinator.overhead.ReduceBenchmark;
import dev.lockstep.coordinator.overhead.Rounds;
import dev.lockstep.coordinator.overhead.Throughput;
import dev.lockstep.coordinator.report.ReportReader;
import dev.lockstep.coordinator.settings.CoordinatorSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Takes the figures of an overhead report, in clusters of its own. What cannot be measured does not keep the rest from it. */
final class OverheadMeasurer {
    private final Shell shell;
    private final OverheadOrder order;
    private final CoordinatorSettings settings;
    private final List<String> failures = new ArrayList<>();
    private final List<EmptyStep> emptySteps = new ArrayList<>();
    private List<Comparison> training = List.of();
    private SystemInfo system;
    private JsonNode reduce;
    private ExitStatus status = ExitStatus.DONE;

    /**
     * Makes a measurer.
     *
     * @param shell whose run folder is for this command alone
     */
    OverheadMeasurer(Shell shell, OverheadOrder order) {
        this.shell = shell;
        this.order = order;
        this.settings = CoordinatorSettings.load(ClusterOptions.usersSettings(shell));
    }

    /** How it went: done, or as the first thing failed. */
    ExitStatus status() {
        return status;
    }

    /**
     * Measures everything.
     *
     * @throws CommandException at Ctrl-C; nothing is left running then
     */
    OverheadReport measure() {
        Instant startedAt = Instant.now();
        shell.runDir().prepare();
        // Those of the last time: they would only add up.
        Folders.delete(shell.runDir().reports());
        attempt("training", this::train);
        attempt("empty step", this::measureEmptySteps);
        attempt("reduce", this::measureReduce);
        return OverheadReport.of(
                startedAt, system, order.plan(), order.rounds(), training, emptySteps, reduce, failures);
    }

    private void attempt(String what, Runnable measurement) {
        try {
            measurement.run();
        } catch (CommandException e) {
            failed(what, e.status(), e);
        } catch (LockstepException e) {
            failed(what, ExitStatus.of(e.failure().category()), e);
        }
    }

    private void failed(String what, ExitStatus how, RuntimeException e) {
        if (how == ExitStatus.CANCELLED) {
            throw e;
        }
        String failure = what + ": " + e.getMessage();
        failures.add(failure);
        shell.err().println(Messages.error(failure));
        status = status == ExitStatus.DONE ? how : status;
    }

    private void train() {
        try (OverheadSides sides = new OverheadSides(shell, settings, order.mostDevices())) {
            training = rounds(sides);
            List<Integer> workers = order.emptyWorkersUpTo(order.mostDevices());
            if (settings.tls() && !workers.isEmpty()) {
                measureEmptySteps(sides.cluster(), workers, true);
            }
        }
    }

    private List<Comparison> rounds(OverheadSides sides) {
        Rounds rounds = new Rounds(order.plan(), order.rounds());
        int all = rounds.order().size();
        long startNanos = shell.timer().nanos();
        int[] done = {0};
        return rounds.run(contender -> {
            Throughput throughput = contender.isBare()
                    ? trainBare(sides.bareLoops(), contender)
                    : trainLockstep(sides.cluster(), contender);
            done[0]++;
            say("[%d/%d] %s: %.2f images/s", done[0], all, contender.label(), throughput.imagesPerSecond());
            if (done[0] == all / order.rounds() && order.rounds() > 1) {
                long round = shell.timer().nanos() - startNanos;
                say("training goes on for about " + Messages.duration(Duration.ofNanos(round * (order.rounds() - 1))));
            }
            return throughput;
        });
    }

    private Throughput trainBare(BareLoops bare, Contender contender) {
        return Throughput.ofBare(
                bare.train(contender.devices(), order.bareOrder(), settings.stepTimeout()), order.batchPerDevice());
    }

    private Throughput trainLockstep(CoordinatorClient client, Contender contender) {
        Report report = run(client, order.run(contender), contender.label());
        return Throughput.ofLockstep(report.results().get(0));
    }

    private void measureReduce() {
        try (OverheadSides sides = new OverheadSides(shell, settings, ReduceBenchmark.DEVICES)) {
            say("reduce of EfficientNet-B3's gradients over 2 processes");
            reduce = sides.reduce();
        }
    }

    private void measureEmptySteps() {
        List<Integer> workers = order.emptyWorkers();
        try (OwnCluster cluster =
                OwnCluster.start(shell, ClusterOptions.of("cpu:" + Collections.max(workers), withoutTls()))) {
            measureEmptySteps(cluster.client(), workers, false);
        }
    }

    private void measureEmptySteps(CoordinatorClient client, List<Integer> workers, boolean tls) {
        say("empty step, %s TLS, %d steps on %s workers", tls ? "with" : "without", order.emptySteps(), workers);
        run(client, order.emptyRun(workers), "the empty step")
                .results()
                .forEach(result -> emptySteps.add(EmptyStep.of(result, tls)));
    }

    private Report run(CoordinatorClient client, Map<String, String> run, String what) {
        RunView done = new RunFollower(shell, client).require(client.submit(run), what);
        Report report = ReportReader.read(Path.of(done.reportDir()));
        system = system == null ? report.system() : system;
        return report;
    }

    /** The user's settings, but for TLS. */
    private Path withoutTls() {
        Path file = shell.runDir().path().resolve("without-tls.conf");
        String users =
                ConfigUtil.quoteString(ClusterOptions.usersSettings(shell).toString());
        try {
            return Files.writeString(file, "include file(" + users + ")\nlockstep.cluster.tls = off\n");
        } catch (IOException e) {
            throw new CommandException(ExitStatus.ENVIRONMENT, "cannot write " + file + " (" + Messages.of(e) + ")", e);
        }
    }

    private void say(String format, Object... values) {
        shell.out().println(String.format(Locale.ROOT, format, values));
        shell.out().flush();
    }
}

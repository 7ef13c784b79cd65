package dev.lockstep.coordinator.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.typesafe.config.ConfigUtil;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.SystemInfo;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.overhead.BareLoops;
import dev.lockstep.coordinator.overhead.Comparison;
import dev.lockstep.coordinator.overhead.Contender;
import dev.lockstep.coordinator.overhead.EmptyStep;
import dev.lockstep.coordinator.overhead.OverheadReport;
import dev.lockstep.coordinator.overhead.ReduceBenchmark;
import dev.lockstep.coordinator.overhead.Standstill;
import dev.lockstep.coordinator.overhead.Throughput;
import dev.lockstep.coordinator.overhead.Turns;
import dev.lockstep.coordinator.report.ReportReader;
import dev.lockstep.coordinator.settings.CoordinatorSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
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
        attempt("empty step with TLS", this::measureEmptyStepsWithTls);
        attempt("empty step", this::measureEmptySteps);
        attempt("reduce", this::measureReduce);
        return OverheadReport.of(
                startedAt,
                system,
                order.plan(),
                order.rounds(),
                order.turn().toSeconds(),
                training,
                emptySteps,
                reduce,
                failures);
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
        Map<Contender, List<Comparison.Round>> measured = new LinkedHashMap<>();
        try {
            train(measured);
        } finally {
            // Should it have failed, what was measured until then stands.
            training = measured.entrySet().stream()
                    .map(comparison -> Comparison.of(comparison.getKey(), comparison.getValue()))
                    .toList();
        }
    }

    private void train(Map<Contender, List<Comparison.Round>> measured) {
        List<Contender> all = Contender.of(order.plan());
        long startNanos = shell.timer().nanos();
        for (int round = 0; round < order.rounds(); round++) {
            if (round == 1) {
                long left = (shell.timer().nanos() - startNanos) * (order.rounds() - 1);
                say("training goes on for about " + Messages.duration(Duration.ofNanos(left)));
            }
            // New processes each time: two of the same program differ by a per cent or two for as long as they live.
            try (OverheadSides sides = new OverheadSides(shell, settings, order.mostDevices())) {
                warmUp(sides);
                List<Contender> contenders = Contender.inRound(all, round);
                for (int i = 0; i < contenders.size(); i++) {
                    Contender contender = contenders.get(i);
                    Comparison.Round result = train(sides, contender);
                    measured.computeIfAbsent(contender, key -> new ArrayList<>())
                            .add(result);
                    say(
                            "[%d/%d] %s: %.2f images/s, bare loops %.2f, ratio %.3f, in step %.3f",
                            round * contenders.size() + i + 1,
                            order.rounds() * contenders.size(),
                            contender.label(),
                            result.lockstep().imagesPerSecond(),
                            result.bare().imagesPerSecond(),
                            result.ratio(),
                            result.inStepRatio());
                }
            }
        }
    }

    /** Has new processes train something small, one side after the other. */
    private void warmUp(OverheadSides sides) {
        run(sides.client(), order.processWarmupRun(), "warm-up");
        BareLoops bare = sides.bareLoops();
        bare.begin(order.mostDevices(), order.bareProcessWarmup(), settings.stepTimeout());
        while (!bare.isThrough()) {
            // It waits.
        }
        bare.end(settings.stepTimeout());
    }

    /** The sides warm up one after the other, then train in turns. */
    private Comparison.Round train(OverheadSides sides, Contender contender) {
        List<Long> clusterPids = sides.clusterPids();
        BareLoops bare = sides.bareLoops();
        Standstill standstill = sides.standstill();
        // The cluster rests meanwhile, but does not stand still: it would fall apart in a warm-up of more than half a
        // minute.
        bare.begin(contender.devices(), order.bareOrder(), settings.stepTimeout());
        standstill.stop(bare.pids());
        LockstepRun lockstep = new LockstepRun(shell, clusterPids, order.run(contender), contender.label());
        lockstep.awaitMeasuring();
        Duration limit = settings.stepTimeout().multipliedBy(order.plan().steps());
        new Turns(standstill, order.turn(), limit, shell.timer()::nanos, shell.timer()::pause).take(lockstep, bare);
        Result result = read(lockstep.done()).results().get(0);
        return Comparison.Round.of(
                Throughput.ofBare(bare.end(settings.stepTimeout()), order.batchPerDevice(), order.turn()),
                Throughput.ofLockstep(result, order.turn()));
    }

    private void measureEmptyStepsWithTls() {
        List<Integer> workers = order.emptyWorkersUpTo(order.mostDevices());
        if (settings.tls() && !workers.isEmpty()) {
            try (OwnCluster cluster = OwnCluster.start(shell, ClusterOptions.of("cpu:" + order.mostDevices(), null))) {
                measureEmptySteps(cluster.client(), workers, true);
            }
        }
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
        return read(new RunFollower(shell, client).require(client.submit(run), what));
    }

    private Report read(RunView done) {
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

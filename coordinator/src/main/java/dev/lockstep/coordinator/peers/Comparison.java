package dev.lockstep.coordinator.peers;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.report.ModelInfo;
import dev.lockstep.common.report.Peer;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.common.report.RunStatus;
import dev.lockstep.coordinator.peers.PeerOutcome.Measured;
import dev.lockstep.coordinator.peers.PeerOutcome.NotMeasured;
import dev.lockstep.coordinator.report.Speedups;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Lockstep and its peers in turns: in every round each contest, with Lockstep first in odd rounds and last in even ones, so that
 * neither drift nor the order becomes a result. What has come to nothing once is not tried again.
 */
public final class Comparison {
    /** Has Lockstep measure. */
    public interface LockstepSide {
        /** The report of a run of this one configuration; its only result may be one that is not ok. */
        Report measure(MeasurementSpec spec, int round);
    }

    /** Has a peer measure. */
    public interface PeerSide {
        /** How it ended. */
        PeerOutcome measure(PeerTask task, int round);
    }

    private final List<Contest> contests;
    private final int rounds;
    private final LockstepSide lockstep;
    private final PeerSide peer;
    private final Map<String, List<Result>> results = new LinkedHashMap<>();
    private final Map<String, List<PeerOutcome>> outcomes = new LinkedHashMap<>();
    private Report latest;
    private ModelInfo model;

    /**
     * A comparison that has not begun.
     *
     * @param rounds at least 1
     */
    public Comparison(List<Contest> contests, int rounds, LockstepSide lockstep, PeerSide peer) {
        this.contests = List.copyOf(contests);
        this.rounds = rounds;
        this.lockstep = lockstep;
        this.peer = peer;
    }

    /**
     * Runs all rounds.
     *
     * @param afterContest what to do when a contest of a round is over
     */
    public void run(Runnable afterContest) {
        for (int round = 1; round <= rounds; round++) {
            for (Contest contest : contests) {
                if (round % 2 == 1) {
                    measureLockstep(contest, round);
                    measurePeers(contest, round);
                } else {
                    measurePeers(contest, round);
                    measureLockstep(contest, round);
                }
                afterContest.run();
            }
        }
    }

    private void measureLockstep(Contest contest, int round) {
        for (MeasurementSpec spec : contest.measurements()) {
            List<Result> before = results.computeIfAbsent(spec.id(), id -> new ArrayList<>());
            if (before.stream().allMatch(result -> result.status() == ResultStatus.OK)) {
                latest = lockstep.measure(spec, round);
                if (latest.model().parameters() != null) {
                    model = latest.model();
                }
                before.addAll(latest.results());
            }
        }
    }

    private void measurePeers(Contest contest, int round) {
        for (PeerTask task : contest.peers()) {
            List<PeerOutcome> before = outcomes.computeIfAbsent(task.id(), id -> new ArrayList<>());
            if (before.stream().allMatch(Measured.class::isInstance)) {
                before.add(sameModel(task, peer.measure(task, round)));
            }
        }
    }

    /** Figures of another model would be no comparison. */
    private PeerOutcome sameModel(PeerTask task, PeerOutcome outcome) {
        if (outcome instanceof Measured measured
                && model != null
                && measured.measurement().parameters() != model.parameters()) {
            return new NotMeasured(
                    ResultStatus.FAILED,
                    new Failure(
                            FailureCategory.INTERNAL,
                            "%s has %d parameters and Lockstep's %s %d: they are not the same model"
                                    .formatted(
                                            task.id(),
                                            measured.measurement().parameters(),
                                            model.name(),
                                            model.parameters())));
        }
        return outcome;
    }

    /** The last report of Lockstep alone, which describes system and model; null before the first. */
    public Report latest() {
        return latest;
    }

    /** What the model is, as far as any measurement could tell. */
    public ModelInfo model() {
        return model == null ? latest.model() : model;
    }

    /** The rows of Lockstep so far, over all rounds, in the plan's order. */
    public List<Result> results() {
        return Speedups.fill(measurements()
                .map(MeasurementSpec::id)
                .map(id -> results.getOrDefault(id, List.of()))
                .filter(ofRounds -> !ofRounds.isEmpty())
                .map(ofRounds -> LockstepRow.of(ofRounds, rounds))
                .toList());
    }

    /** The rows of the peers so far: one for each result that a peer is to be compared with. */
    public List<Peer> peers(Python python) {
        List<Peer> rows = new ArrayList<>();
        for (Contest contest : contests) {
            for (PeerTask task : contest.peers()) {
                List<PeerOutcome> ofTask = outcomes.getOrDefault(task.id(), List.of());
                if (!ofTask.isEmpty()) {
                    contest.measurements()
                            .forEach(spec -> rows.add(PeerRows.row(
                                    task, spec.id(), python, ofTask, results.getOrDefault(spec.id(), List.of()))));
                }
            }
        }
        return rows;
    }

    /** How it stands: completed when every round of everything has its figures. */
    public RunStatus status() {
        List<Long> good = Stream.concat(
                        measurements().map(spec -> results.getOrDefault(spec.id(), List.of()).stream()
                                .filter(result -> result.status() == ResultStatus.OK)
                                .count()),
                        contests.stream()
                                .flatMap(contest -> contest.peers().stream())
                                .map(task -> outcomes.getOrDefault(task.id(), List.of()).stream()
                                        .filter(Measured.class::isInstance)
                                        .count()))
                .toList();
        if (good.stream().allMatch(count -> count == rounds)) {
            return RunStatus.COMPLETED;
        }
        return good.stream().anyMatch(count -> count > 0) ? RunStatus.PARTIAL : RunStatus.FAILED;
    }

    private Stream<MeasurementSpec> measurements() {
        return contests.stream().flatMap(contest -> contest.measurements().stream());
    }
}

package dev.lockstep.coordinator.control;

import dev.lockstep.common.work.StepReport;
import java.util.ArrayList;
import java.util.List;

/**
 * The books of a measurement's steps: which were commanded, who has answered, and so what may be commanded next. With w steps in
 * flight, one runs and the others wait in the workers: step k may be commanded when step k - w is done everywhere. Commands go out
 * in groups, when half of those in flight are done, because messages that go together cost little more than one.
 */
final class StepLedger {
    private final int totalSteps;
    private final int stepsInFlight;
    private final List<List<StepReport>> reportsByRank = new ArrayList<>();
    private int commanded;

    /** @param stepsInFlight how many steps may be under way at once */
    StepLedger(int ranks, int totalSteps, int stepsInFlight) {
        this.totalSteps = totalSteps;
        this.stepsInFlight = stepsInFlight;
        for (int rank = 0; rank < ranks; rank++) {
            reportsByRank.add(new ArrayList<>());
        }
    }

    /** Steps that every rank has finished. */
    int done() {
        int done = totalSteps;
        for (List<StepReport> reports : reportsByRank) {
            done = Math.min(done, reports.size());
        }
        return done;
    }

    /** Steps commanded so far: the number of the next one. */
    int commanded() {
        return commanded;
    }

    /** Whether it is time for the next group of commands. */
    boolean isDue() {
        return commanded - done() <= stepsInFlight / 2;
    }

    /** Whether there is another step and an input slot free for it. */
    boolean mayCommand() {
        return commanded < totalSteps && commanded < done() + stepsInFlight;
    }

    /** Whether a step's input slot is free to be filled: the step that used it before is done everywhere. */
    boolean mayFill(int step) {
        return step < totalSteps && step < done() + stepsInFlight;
    }

    /** Whether the replicas have nothing left to do until the next command. */
    boolean isStarved() {
        return commanded == done();
    }

    void command() {
        if (!mayCommand()) {
            throw new IllegalStateException("step " + commanded + " may not be commanded yet");
        }
        commanded++;
    }

    /**
     * Books a rank's answer.
     *
     * @return null, or what is wrong with it: a rank that is not there, a step that was not commanded, twice, or out of order
     */
    String record(int rank, StepReport report) {
        if (rank < 0 || rank >= reportsByRank.size()) {
            return "rank " + rank + " is not part of the measurement";
        }
        List<StepReport> reports = reportsByRank.get(rank);
        if (report.step() != reports.size() || report.step() >= commanded) {
            return "rank %d answered step %d where step %d of %d commanded was due"
                    .formatted(rank, report.step(), reports.size(), commanded);
        }
        reports.add(report);
        return null;
    }

    boolean isComplete() {
        return done() == totalSteps;
    }

    /** The ranks that owe the answer to the earliest commanded step that is not done. */
    List<Integer> missing() {
        List<Integer> missing = new ArrayList<>();
        for (int rank = 0; rank < reportsByRank.size(); rank++) {
            if (reportsByRank.get(rank).size() == done() && done() < commanded) {
                missing.add(rank);
            }
        }
        return missing;
    }

    /** The answers after the warm-up, by rank and then by step. */
    List<List<StepReport>> measured(int warmupSteps) {
        return reportsByRank.stream()
                .map(reports -> List.copyOf(reports.subList(warmupSteps, reports.size())))
                .toList();
    }
}

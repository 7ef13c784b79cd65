package dev.lockstep.coordinator.control;

import dev.lockstep.common.work.StepReport;
import java.util.ArrayList;
import java.util.List;

/**
 * The books of a measurement's steps: which were commanded, who has answered, and so what may be commanded next. Two steps may be
 * under way, one running and one waiting in the workers, because there are two input slots: step k may be commanded when step k - 2 is
 * done everywhere.
 */
final class StepLedger {
    private static final int STEPS_IN_FLIGHT = 2;

    private final int totalSteps;
    private final List<List<StepReport>> reportsByRank = new ArrayList<>();
    private int commanded;

    StepLedger(int ranks, int totalSteps) {
        this.totalSteps = totalSteps;
        for (int rank = 0; rank < ranks; rank++) {
            reportsByRank.add(new ArrayList<>());
        }
    }

    /** Steps that every rank has finished. */
    int done() {
        return reportsByRank.stream().mapToInt(List::size).min().orElse(0);
    }

    /** Steps commanded so far: the number of the next one. */
    int commanded() {
        return commanded;
    }

    /** Whether there is another step and an input slot free for it. */
    boolean mayCommand() {
        return commanded < totalSteps && commanded < done() + STEPS_IN_FLIGHT;
    }

    /** Whether a step's input slot is free to be filled: the step that used it before is done everywhere. */
    boolean mayFill(int step) {
        return step < totalSteps && step < done() + STEPS_IN_FLIGHT;
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

    /** The ranks that still owe an answer to a commanded step. */
    List<Integer> missing() {
        List<Integer> missing = new ArrayList<>();
        for (int rank = 0; rank < reportsByRank.size(); rank++) {
            if (reportsByRank.get(rank).size() < commanded) {
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

package dev.lockstep.coordinator.control;

import dev.lockstep.common.report.Quality;
import dev.lockstep.common.work.StepReport;
import java.util.ArrayList;
import java.util.List;

/**
 * The books of a measurement's steps: which were commanded, who has answered, and so what may be commanded next. With w steps in
 * flight, one runs and the others wait in the workers: step k may be commanded when step k - w is done everywhere. Commands go out
 * in groups of half of those in flight, each when half are done, because a group is one message to each worker. How many steps
 * there are is known once the warm-up is over.
 */
final class StepLedger {
    /** As long as the next step may be the warm-up's last, none is commanded that there may not be. */
    private static final int IN_FLIGHT_WHILE_OPEN = 2;

    private final WarmUp warmUp;
    private final int measuredSteps;
    private final int stepsInFlight;
    private final List<List<StepReport>> reportsByRank = new ArrayList<>();
    private int commanded;

    /** @param stepsInFlight how many steps may be under way at once */
    StepLedger(int ranks, WarmUp warmUp, int measuredSteps, int stepsInFlight) {
        this.warmUp = warmUp;
        this.measuredSteps = measuredSteps;
        this.stepsInFlight = stepsInFlight;
        for (int rank = 0; rank < ranks; rank++) {
            reportsByRank.add(new ArrayList<>());
        }
    }

    /** Steps that every rank has finished. */
    int done() {
        int done = Integer.MAX_VALUE;
        for (List<StepReport> reports : reportsByRank) {
            done = Math.min(done, reports.size());
        }
        return done;
    }

    /** Whether the warm-up is over: the next step to be done is a measured one. */
    boolean isMeasuring() {
        return warmUp.isOver();
    }

    /** Steps that there will be; during the warm-up as if the step under way were its last, or the least number of them. */
    int expectedSteps() {
        return isMeasuring() ? mostSteps() : Math.max(warmUp.leastSteps(), done() + 1) + measuredSteps;
    }

    private int inFlight() {
        boolean open = !isMeasuring() && warmUp.mostSteps() > warmUp.leastSteps();
        return open ? Math.min(stepsInFlight, IN_FLIGHT_WHILE_OPEN) : stepsInFlight;
    }

    private int mostSteps() {
        return warmUp.mostSteps() + measuredSteps;
    }

    /** Steps commanded so far: the number of the next one. */
    int commanded() {
        return commanded;
    }

    /** Whether it is time for the next group of commands. */
    boolean isDue() {
        return commanded - done() <= groupSize();
    }

    /** How many steps are commanded together, if their batches are there. */
    int groupSize() {
        return inFlight() / 2;
    }

    /** Whether there is another step and an input slot free for it. */
    boolean mayCommand() {
        return commanded < mostSteps() && commanded < done() + inFlight();
    }

    /** Whether a step's input slot is free to be filled: the step that used it before is done everywhere. */
    boolean mayFill(int step) {
        return step < mostSteps() && step < done() + inFlight();
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
        int doneBefore = done();
        reports.add(report);
        if (done() > doneBefore && !warmUp.isOver()) {
            warmUp.add(reportsByRank.get(0).get(doneBefore).stepNanos());
        }
        return null;
    }

    boolean isComplete() {
        return isMeasuring() && done() == mostSteps();
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
    List<List<StepReport>> measured() {
        return reportsByRank.stream()
                .map(reports -> List.copyOf(reports.subList(warmUp.steps(), reports.size())))
                .toList();
    }

    /** How the warm-up went. */
    Quality.WarmUp warmUp() {
        return warmUp.summary();
    }
}

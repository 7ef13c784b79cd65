package dev.lockstep.coordinator.peers;

import dev.lockstep.common.report.Provenance;
import dev.lockstep.common.report.Provenance.Round;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.coordinator.report.RoundsTogether;
import java.util.ArrayList;
import java.util.List;

/** Makes one row of a configuration's rounds that were runs of their own. */
final class LockstepRow {
    private LockstepRow() {}

    /**
     * The row over the steps of all rounds; the first one that is not ok, where there is such a one. Its speed-up is still open.
     *
     * @param rounds of the same configuration, at least one
     * @param plannedRounds how many there are to be
     */
    static Result of(List<Result> rounds, int plannedRounds) {
        return rounds.stream()
                .filter(round -> round.status() != ResultStatus.OK)
                .findFirst()
                .orElseGet(() -> RoundsTogether.of(rounds))
                .withProvenance(provenance(rounds, plannedRounds));
    }

    /** Each run was its own first round; here they are numbered as the comparison counts. */
    private static Provenance provenance(List<Result> results, int plannedRounds) {
        Provenance last = results.get(results.size() - 1).provenance();
        List<Round> rounds = new ArrayList<>();
        for (int index = 0; index < results.size(); index++) {
            for (Round round : results.get(index).provenance().rounds()) {
                rounds.add(new Round(
                        index + 1,
                        round.startedAt(),
                        round.steps(),
                        round.meanStepMillis(),
                        round.imagesPerSecond(),
                        null,
                        round.error()));
            }
        }
        return new Provenance(last.scaling(), null, plannedRounds, rounds, null, last.halvedFrom(), last.misfits());
    }
}
